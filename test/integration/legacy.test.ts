import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createLegacyEngine } from '../../legacy/index.ts';
import type { Config } from '../../runtime/config.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { type Listening, listen, newApp } from '../../runtime/http.ts';
import { openRedis, type Redis } from '../../runtime/redis.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from '../support/services.ts';
import { failFirstPayments, failNoMore, measured, type Payable, payBy, somebodyWaits } from './legacy-bench-side.ts';

describe('legacy', () => {
  let db: FreshDatabase;
  let to: Shop;
  let redis: Redis;
  let platform: Listening;
  let atThePlatform: () => Promise<number>; // what the outside sees and answers while a payment waits for it
  const keys = freshRedis();
  const running: PaymentEngine[] = [];

  beforeAll(async () => {
    db = await freshDatabase();
    to = shop(db.pool);
    redis = openRedis(keys.url, 'test');
    const app = newApp();
    app.post('/v1/events/legacy', async (_req, res) => {
      res.status(await atThePlatform()).end('{}');
    });
    platform = await listen(app, '127.0.0.1', 0);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((engine) => engine.stop()));
  });
  afterAll(async () => {
    await platform.close();
    redis.disconnect();
    await db.drop();
  });

  async function start(overrides: Partial<Config> = {}): Promise<EnginePorts & { engine: PaymentEngine }> {
    const ports = portsOn(db.url, keys, overrides);
    const engine = createLegacyEngine(ports);
    running.push(engine);
    await engine.start();
    return { ...ports, engine };
  }
  const redlock = { retryDelayMs: 5, retryJitterMs: 5, ttlMs: 5_000, waitLimitMs: 100 };
  const statusOf = async (id: number) =>
    (await db.pool.query<{ status: string }>('select status from orders where id = $1', [id]))[0]?.status;
  const lockKeys = () => redis.keys(`${keys.prefix}:*`);

  test('tells a second request of an order in work so, and does not let it hang', async () => {
    const { engine } = await start();
    const order = await to.payable();
    await redis.set(`${keys.prefix}:payment-${order.id}`, 'somebody else', 'PX', 60_000);
    const began = performance.now();
    expect(await payBy(engine, order)).toEqual({ kind: 'unchanged', code: 'PAYMENT_IN_PROGRESS' });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await redis.get(`${keys.prefix}:payment-${order.id}`)).toBe('somebody else');
    await redis.del(`${keys.prefix}:payment-${order.id}`);
  });

  test.each(['balance', 'stock'])(
    'a %s lock that is not to be had is a fault; the locks it had are free again',
    async (kind) => {
      const { engine } = await start({ redlock });
      const order = await to.payable();
      const key = `${keys.prefix}:${kind}-${kind === 'stock' ? order.productId : order.userId}`;
      await redis.set(key, 'somebody else', 'PX', 60_000);
      await expect(payBy(engine, order)).rejects.toMatchObject({ code: 'LOCK_WAIT_EXCEEDED' });
      expect(await lockKeys()).toEqual([key]);
      await redis.del(key);
      expect(await payBy(engine, order)).toMatchObject({ kind: 'paid' });
    },
  );

  test('a client that goes away while its payment waits for a lock leaves nothing behind', async () => {
    const { engine } = await start();
    const order = await to.payable();
    const key = `${keys.prefix}:balance-${order.userId}`;
    await redis.set(key, 'somebody else', 'PX', 60_000);
    const gone = new AbortController();
    const ended = payBy(engine, order, { signal: gone.signal }).catch((error: unknown) => error);
    while ((await lockKeys()).length < 2);
    gone.abort();
    expect(await ended).toMatchObject({ name: 'AbortError' });
    expect(await lockKeys()).toEqual([key]);
    expect(await statusOf(order.id)).toBe('PENDING');
    await redis.del(key);
  });

  test('calls the data platform while everything is locked and nothing is committed', async () => {
    const { engine, metrics } = await start({ dataPlatformUrl: platform.url });
    const order = await to.payable();
    const seen: unknown[] = [];
    atThePlatform = async () => {
      seen.push(await statusOf(order.id), (await lockKeys()).length);
      const free = 'select from balances where user_id = $1 for update skip locked';
      seen.push((await db.pool.query(free, [order.userId])).length);
      return 202;
    };
    expect(await payBy(engine, order)).toMatchObject({ kind: 'paid' });
    expect(seen).toEqual(['PENDING', 3, 0]);
    expect(await measured(metrics, 'external_events_total', { status: 'SENT' })).toBe(1);
    expect(await lockKeys()).toEqual([]);
  });

  test('is paid though the data platform fails, and the delivery log stays empty', async () => {
    const { engine, metrics } = await start({ dataPlatformUrl: platform.url });
    const order = await to.payable();
    atThePlatform = () => Promise.resolve(503);
    expect(await payBy(engine, order)).toMatchObject({ kind: 'paid' });
    expect(await measured(metrics, 'external_events_total', { status: 'FAILED' })).toBe(1);
    expect(await db.pool.query('select event_id from external_event_log')).toEqual([]);
  });

  test('goes on when its Redis lock is lost: row locks protect it, and the loss is counted', async () => {
    const { engine, metrics } = await start({ dataPlatformUrl: platform.url });
    const order = await to.payable();
    atThePlatform = async () => {
      await redis.del(`${keys.prefix}:balance-${order.userId}`);
      return 202;
    };
    expect(await payBy(engine, order)).toMatchObject({ kind: 'paid' });
    expect(await measured(metrics, 'payment_lock_lost_total')).toBe(1);
  });

  test('measures per resource the union of its locks, and per payment the sum and the longest', async () => {
    const addedMs = { validateOrder: 10, applyCoupon: 10, deductBalance: 10, confirmStock: 10, createPayment: 10 };
    const { engine, metrics } = await start({ addedMs });
    expect(await payBy(engine, await to.payable())).toMatchObject({ kind: 'paid' });
    const hold = (lock: string, kind: string) => measured(metrics, 'payment_lock_hold_seconds', { lock, kind });
    let sum = 0;
    for (const lock of ['order', 'balance', 'stock']) {
      const [byRedis = 0, byRow = 0, union = 0] = [
        await hold(lock, 'redis'),
        await hold(lock, 'row'),
        await hold(lock, 'union'),
      ];
      expect(byRedis).toBeGreaterThanOrEqual(0.05); // the Redis locks are held for all of it
      expect(byRow).toBeLessThan(byRedis);
      expect(union).toBeCloseTo(byRedis);
      sum += union;
    }
    expect(await measured(metrics, 'payment_lock_hold_per_payment_seconds', { figure: 'sum' })).toBeCloseTo(sum);
    expect(await measured(metrics, 'payment_lock_hold_per_payment_seconds', { figure: 'max' })).toBeCloseTo(
      (await hold('order', 'union')) ?? 0,
    );
    const tx = await measured(metrics, 'payment_tx_duration_seconds', { tx: 'payment' });
    expect(tx).toBeGreaterThanOrEqual(0.05);
    expect(tx).toBeLessThan((await hold('order', 'redis')) ?? 0);
    expect(await measured(metrics, 'payment_db_commits_total')).toBe(1);
    expect(await measured(metrics, 'payment_db_round_trips_total')).toBeGreaterThan(10);
  });

  test('counts both transactions of a refusal', async () => {
    const { engine, metrics } = await start();
    expect(await payBy(engine, await to.payable({ balance: 1 }))).toMatchObject({ kind: 'refused' });
    const tx = (figure: string) => measured(metrics, 'payment_tx_per_payment_seconds', { figure });
    expect(await measured(metrics, 'payment_tx_duration_seconds', { tx: 'refusal' })).toBeGreaterThan(0);
    expect(await tx('sum')).toBeGreaterThan((await tx('longest')) ?? Infinity);
  });

  test('a refusal spends the time of the steps up to the one that refused', async () => {
    const { engine, metrics } = await start({
      addedMs: { validateOrder: 20, applyCoupon: 20, deductBalance: 20, confirmStock: 5_000, createPayment: 5_000 },
    });
    expect(await payBy(engine, await to.payable({ balance: 1 }))).toMatchObject({ kind: 'refused' });
    const spent = await measured(metrics, 'payment_tx_duration_seconds', { tx: 'payment' });
    expect(spent).toBeGreaterThanOrEqual(0.06);
    expect(spent).toBeLessThan(5);
  });

  test('a transaction that lost against another is run again', async () => {
    const { engine, metrics } = await start();
    await db.pool.query(failFirstPayments('40P01', 3));
    try {
      expect(await payBy(engine, await to.payable())).toMatchObject({ kind: 'paid' });
      expect(await measured(metrics, 'payment_tx_retries_total', { sqlstate: '40P01' })).toBe(2);
    } finally {
      await db.pool.query(failNoMore);
    }
  });

  test('a fault changes nothing and leaves no lock; the order can be paid later', async () => {
    const { engine } = await start();
    const order = await to.payable();
    await db.pool.query(failFirstPayments('53100', 2));
    try {
      await expect(payBy(engine, order)).rejects.toMatchObject({ code: '53100' });
      expect(await statusOf(order.id)).toBe('PENDING');
      expect(await lockKeys()).toEqual([]);
      expect(await payBy(engine, order)).toMatchObject({ kind: 'paid' });
    } finally {
      await db.pool.query(failNoMore);
    }
  });

  test('is not running before start and after stop; a database that is not there shows at the start', async () => {
    const { engine } = await start();
    await engine.start();
    await engine.stop();
    await expect(payBy(engine, await to.payable())).rejects.toThrow('not running');
    const nowhere = createLegacyEngine(portsOn('postgres://nobody@127.0.0.1:9/none', keys));
    running.push(nowhere);
    await expect(nowhere.start()).rejects.toThrow();
  });

  /** Another engine, which knows nothing of Redis locks, takes 100 from the balance while the payment is about to. */
  async function besideAnotherEngine(engine: PaymentEngine, order: Payable): Promise<number | undefined> {
    const answer = await db.pool.transaction(async (tx) => {
      await tx.query('select user_id from balances where user_id = $1 for update', [order.userId]);
      const paying = payBy(engine, order);
      await somebodyWaits(db.pool);
      await tx.query('update balances set amount = amount - 100, version = version + 1 where user_id = $1', [
        order.userId,
      ]);
      return { paying };
    });
    expect(await answer.paying).toMatchObject({ kind: 'paid' });
    return (
      await db.pool.query<{ amount: number }>('select amount from balances where user_id = $1', [order.userId])
    )[0]?.amount;
  }

  test('reads under row locks, so that another engine’s change is not overwritten', async () => {
    const { engine } = await start();
    expect(await besideAnotherEngine(engine, await to.payable({ balance: 5_000 }))).toBe(3_900);
  });

  test('without row locks it overwrites it: Redis locks protect nothing against who does not take them', async () => {
    const { engine } = await start({ sabotage: 'row-locks-off' });
    expect(await besideAnotherEngine(engine, await to.payable({ balance: 5_000 }))).toBe(4_000);
  });
});
