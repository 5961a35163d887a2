import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createLeanEngine } from '../../legacy/index.ts';
import type { Config } from '../../runtime/config.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from '../support/services.ts';
import { failFirstPayments, failNoMore, measured, payBy, somebodyWaits } from './legacy-bench-side.ts';

describe('legacy-lean', () => {
  let db: FreshDatabase;
  let to: Shop;
  let ports: EnginePorts;
  let engine: PaymentEngine;

  async function restart(overrides: Partial<Config> = {}): Promise<void> {
    await engine.stop();
    ports = portsOn(db.url, freshRedis(), overrides);
    engine = createLeanEngine(ports);
    await engine.start();
  }
  const statusOf = async (id: number) =>
    (await db.pool.query<{ status: string }>('select status from orders where id = $1', [id]))[0]?.status;

  beforeAll(async () => {
    db = await freshDatabase();
    to = shop(db.pool);
  });
  beforeEach(async () => {
    ports = portsOn(db.url, freshRedis());
    engine = createLeanEngine(ports);
    await engine.start();
  });
  afterEach(() => engine.stop());
  afterAll(() => db.drop());

  test('a payment is one round trip and one commit, a refusal two round trips and one commit', async () => {
    await payBy(engine, await to.payable());
    expect(await measured(ports.metrics, 'payment_db_round_trips_total')).toBe(1);
    expect(await measured(ports.metrics, 'payment_db_commits_total')).toBe(1);
    await payBy(engine, await to.payable({ balance: 1 }));
    expect(await measured(ports.metrics, 'payment_db_round_trips_total')).toBe(3);
    expect(await measured(ports.metrics, 'payment_db_commits_total')).toBe(2);
  });

  test('the outside is told through the delivery log', async () => {
    const order = await to.payable();
    await payBy(engine, order);
    const log = await db.pool.query('select event_type, event_data from external_event_log where order_id = $1', [
      order.id,
    ]);
    expect(log).toMatchObject([{ event_type: 'payment.completed', event_data: { orderId: order.id, amount: 1_000 } }]);
  });

  test('added processing time is spent once, while the locks are held', async () => {
    const addedMs = { validateOrder: 20, applyCoupon: 20, deductBalance: 20, confirmStock: 20, createPayment: 20 };
    await restart({ addedMs });
    expect(await payBy(engine, await to.payable())).toMatchObject({ kind: 'paid' });
    for (const lock of ['order', 'balance', 'stock']) {
      expect(
        await measured(ports.metrics, 'payment_lock_hold_seconds', { lock, kind: 'union' }),
      ).toBeGreaterThanOrEqual(0.1);
    }
    const sum = await measured(ports.metrics, 'payment_tx_per_payment_seconds', { figure: 'sum' });
    expect(sum).toBeGreaterThanOrEqual(0.1);
    expect(sum).toBe(await measured(ports.metrics, 'payment_tx_per_payment_seconds', { figure: 'longest' }));
  });

  test('a refusal spends the time of the steps up to the one that refused', async () => {
    const addedMs = {
      validateOrder: 20,
      applyCoupon: 20,
      deductBalance: 20,
      confirmStock: 5_000,
      createPayment: 5_000,
    };
    await restart({ addedMs });
    expect(await payBy(engine, await to.payable({ balance: 1 }))).toMatchObject({ kind: 'refused' });
    const spent = await measured(ports.metrics, 'payment_tx_duration_seconds', { tx: 'payment' });
    expect(spent).toBeGreaterThanOrEqual(0.06);
    expect(spent).toBeLessThan(5);
  });

  test('waiting for a lock is wait, not hold', async () => {
    const order = await to.payable();
    const { paying, heldMs } = await db.pool.transaction(async (tx) => {
      await tx.query('select user_id from balances where user_id = $1 for update', [order.userId]);
      const paying = payBy(engine, order);
      await somebodyWaits(db.pool);
      const from = performance.now();
      await tx.query('select pg_sleep(0.1)');
      return { paying, heldMs: performance.now() - from };
    });
    expect(await paying).toMatchObject({ kind: 'paid' });
    const wait = await measured(ports.metrics, 'payment_lock_wait_seconds', { lock: 'balance' });
    expect(wait).toBeGreaterThanOrEqual(heldMs / 1_000);
    const hold = async (lock: string) => measured(ports.metrics, 'payment_lock_hold_seconds', { lock, kind: 'row' });
    expect(await hold('balance')).toBeLessThan((await hold('order')) ?? 0);
    expect(await hold('order')).toBeGreaterThanOrEqual(heldMs / 1_000); // the order was held all the while
  });

  test('waiting for a connection is neither', async () => {
    await restart({
      dbConnections: 1,
      addedMs: { validateOrder: 60, applyCoupon: 0, deductBalance: 0, confirmStock: 0, createPayment: 0 },
    });
    const orders = [await to.payable(), await to.payable(), await to.payable(), await to.payable()];
    const began = performance.now();
    await Promise.all(orders.map((order) => payBy(engine, order)));
    const tookMs = performance.now() - began;
    // One after the other: had the waiting counted, the sum of four would be 1 + 2 + 3 + 4 times as long, not 4.
    expect(await measured(ports.metrics, 'payment_tx_per_payment_seconds', { figure: 'sum' })).toBeLessThanOrEqual(
      tookMs / 1_000,
    );
  });

  test('a transaction that lost against another is run again', async () => {
    await db.pool.query(failFirstPayments('40001', 2));
    try {
      const order = await to.payable();
      expect(await payBy(engine, order)).toMatchObject({ kind: 'paid' });
      expect(await measured(ports.metrics, 'payment_tx_retries_total', { sqlstate: '40001' })).toBe(1);
    } finally {
      await db.pool.query(failNoMore);
    }
  });

  test('a fault is a fault: nothing has changed, and the order can be paid later', async () => {
    const order = await to.payable();
    await db.pool.query(failFirstPayments('53100', 2));
    try {
      await expect(payBy(engine, order)).rejects.toThrow('on purpose');
      expect(await statusOf(order.id)).toBe('PENDING');
      expect(await payBy(engine, order)).toMatchObject({ kind: 'paid' });
    } finally {
      await db.pool.query(failNoMore);
    }
  });

  test('a refusal that came too late gives the answer that was first', async () => {
    const order = await to.payable();
    const first = await payBy(engine, order);
    await withPayOrder(`raise exception 'BALANCE_INSUFFICIENT' using errcode = 'SR001'`, async () => {
      expect(await payBy(engine, order)).toEqual({ ...first, replayed: true });
    });
    expect(await statusOf(order.id)).toBe('PAID');
  });

  test('a refusal with a code that nobody knows is a fault', async () => {
    const order = await to.payable();
    await withPayOrder(`raise exception 'NO_MOOD' using errcode = 'SR001'`, async () => {
      await expect(payBy(engine, order)).rejects.toThrow('NO_MOOD');
    });
    await withPayOrder('return', async () => {
      await expect(payBy(engine, order)).rejects.toThrow('without a row');
    });
    expect(await statusOf(order.id)).toBe('PENDING');
  });

  /** Puts another body into `pay_order` while `work` runs. */
  async function withPayOrder(body: string, work: () => Promise<void>): Promise<void> {
    const [found] = await db.pool.query<{ definition: string }>(
      `select pg_get_functiondef('pay_order'::regproc) as definition`,
    );
    const definition = found?.definition ?? '';
    await db.pool.query(definition.replace(/declare[^]*(?=\$function\$)/, () => `begin ${body}; end `));
    await work();
    await db.pool.query(definition);
  }

  test('is not running before start and after stop; starting twice is starting once', async () => {
    const order = await to.payable();
    await engine.start();
    await engine.stop();
    await expect(payBy(engine, order)).rejects.toThrow('not running');
    await engine.stop();
  });

  test('the test fault answer-before-commit: every fiftieth payment is answered and does not exist', async () => {
    await restart({ sabotage: 'answer-before-commit' });
    const orders = await Promise.all(Array.from({ length: 50 }, () => to.payable()));
    const answers = [];
    for (const order of orders) answers.push(await payBy(engine, order));
    expect(answers.map(({ kind }) => kind)).toEqual(orders.map(() => 'paid'));
    const unpaid = await db.pool.query<{ id: number }>(
      `select id from orders where id = any($1) and status = 'PENDING'`,
      [orders.map(({ id }) => id)],
    );
    expect(unpaid).toEqual([{ id: orders.at(-1)?.id }]);
  });

  test('the test fault passes on what goes wrong', async () => {
    await restart({ sabotage: 'answer-before-commit' });
    for (let i = 0; i < 49; i += 1) await payBy(engine, { id: 4_000_000_000_000, userId: 1 });
    await db.pool.query(failFirstPayments('53100', 2));
    try {
      await expect(payBy(engine, await to.payable())).rejects.toThrow('on purpose');
    } finally {
      await db.pool.query(failNoMore);
    }
  });
});
