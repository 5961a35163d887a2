import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { changeRollout, readRollout } from '../../router/canary/change-rollout.ts';
import { type Router, type RouterOverrides, startRouter } from '../../router/main.ts';
import { redisHints, publishHint } from '../../router/rollout-hints.ts';
import { type RolloutWatch, type RolloutWatchOptions, watchRollout } from '../../router/rollout.ts';
import { createRouting } from '../../router/routing.ts';
import { createUserTiers } from '../../router/user-tiers.ts';
import { readConfig } from '../../runtime/config.ts';
import { openPool } from '../../runtime/database.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import type { RolloutRow } from '../../router/rollout-sql.ts';
import { acceptingSaga, type AcceptingSaga } from '../support/accepting-saga.ts';
import { call, type Reply } from '../support/api-client.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from '../support/services.ts';

let database: FreshDatabase;
let store: Shop;
const redis = freshRedis();
const log = createLog('router', 'silent');
/** Keeps its opinion, however slow the machine. */
const neverPolls = { pollMs: 3_600_000, maxAgeMs: 3_600_000, tierTimeoutMs: 15_000 };
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  store = shop(database.pool);
});
afterAll(() => database.drop());
beforeEach(() => setRollout({ enabled: true, emergency: false, percentage: 0, allow: [], deny: [] }));
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.stop();
});

const setRollout = (change: Partial<RolloutRow>) =>
  changeRollout(database.pool, change, { actor: 'test', action: 'set', reason: 'test' }, { retryOnConflict: true });

/** Keyed apart from each other, so that no hint reaches a router that is not to hear of a change. */
let routers = 0;
async function router(
  overrides: RouterOverrides = {},
  env: NodeJS.ProcessEnv = {},
): Promise<Router & { saga: AcceptingSaga }> {
  const saga = acceptingSaga(database.pool);
  const id = `router-${(routers += 1)}`;
  const config = readConfig({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    SAGASHIFT_KEY_PREFIX: `${redis.prefix}-${id}`,
    SAGASHIFT_LEGACY_ENGINE: 'legacy-lean',
    SAGASHIFT_WORKER_ID: id,
    ...env,
  });
  const started = await startRouter(config, { engines: { orchestration: saga }, log, drainMs: 0, ...overrides });
  running.push(started);
  return { ...started, saga };
}

/** Waits for the monolith's answer only: nobody ends the test's sagas. */
const payAndWait = (at: Router, order: { id: number; userId: number }): Promise<Reply> =>
  call('POST', `${at.url}/v1/orders/${order.id}/payments`, { userId: order.userId });
const pay = (at: Router, order: { id: number; userId: number }): Promise<Reply> =>
  call('POST', `${at.url}/v1/orders/${order.id}/payments`, { userId: order.userId }, { prefer: 'respond-async' });
const routeOf = async (orderId: number) =>
  database.pool.query('select side, reason, bucket, config_version from payment_route where order_id = $1', [orderId]);

let hundreds = 1_000_000;
/** An order of a user with this bucket. */
async function orderInBucket(
  bucket: number,
  tier: 'NORMAL' | 'VIP' = 'NORMAL',
): Promise<{ id: number; userId: number }> {
  const userId = (hundreds += 100) + bucket;
  await database.pool.query(
    `with payer as (insert into users (id, tier) values ($1, $2)),
       purse as (insert into balances (user_id, amount, version) values ($1, 100000, 1))
     insert into balance_ledger (user_id, kind, amount, balance_after, version) values ($1, 'OPENING', 100000, 100000, 1)`,
    [userId, tier],
  );
  const productId = await store.product();
  const { id } = await store.order({ userId, lines: [{ productId, qty: 1 }] });
  return { id, userId };
}

describe('routing by the rollout row', () => {
  test.each<[string, Partial<RolloutRow>, 'NORMAL' | 'VIP', 'legacy' | 'saga', string]>([
    ['a bucket below the percentage', { percentage: 8 }, 'NORMAL', 'saga', 'bucket'],
    ['a bucket that is not', { percentage: 7 }, 'NORMAL', 'legacy', 'default'],
    ['a VIP', { percentage: 100 }, 'VIP', 'legacy', 'vip'],
    ['the rollout disabled', { percentage: 100, enabled: false }, 'NORMAL', 'legacy', 'disabled'],
    ['the emergency rollback', { percentage: 100, emergency: true }, 'NORMAL', 'legacy', 'emergency'],
  ])('%s', async (_name, rollout, tier, side, reason) => {
    const order = await orderInBucket(7, tier);
    const { row } = await setRollout(rollout);
    const at = await router();
    const { status, body } = await (side === 'saga' ? pay : payAndWait)(at, order);
    const route = { side, reason, bucket: 7, version: row.version };
    expect(status).toBe(side === 'saga' ? 202 : 201);
    expect(body['route']).toEqual(route);
    expect(body['engine']).toBe(side === 'saga' ? 'orchestration' : 'legacy-lean');
    expect(await routeOf(order.id)).toEqual([{ side, reason, bucket: 7, config_version: row.version }]);
  });

  test('lists: deny beats allow, allow beats the bucket', async () => {
    const [one, two] = [await orderInBucket(50), await orderInBucket(50)];
    await setRollout({ percentage: 0, allow: [one.userId, two.userId], deny: [two.userId] });
    const at = await router();
    expect((await pay(at, one)).body['route']).toMatchObject({ side: 'saga', reason: 'allow' });
    expect((await pay(at, two)).body['route']).toMatchObject({ side: 'legacy', reason: 'deny' });
  });

  test('the environment can only add: the emergency, and the feature', async () => {
    const order = await orderInBucket(3);
    await setRollout({ percentage: 100 });
    const careful = await router({}, { PAYMENT_EMERGENCY_ROLLBACK: 'true' });
    expect((await pay(careful, order)).body['route']).toMatchObject({ reason: 'emergency' });
    const another = await orderInBucket(3);
    await setRollout({ percentage: 100, enabled: false });
    const bold = await router({}, { PAYMENT_EVENT_DRIVEN_ENABLED: 'true' });
    expect((await pay(bold, another)).body['route']).toMatchObject({ side: 'saga', reason: 'bucket' });
  });

  test('an order that has started on one side stays there, whatever the rollout says later', async () => {
    const order = await orderInBucket(0);
    await setRollout({ percentage: 0 });
    const before = await router(neverPolls);
    const first = await payAndWait(before, order);
    await setRollout({ percentage: 100 });
    const after = await router();
    const again = await payAndWait(after, order);
    expect(again).toMatchObject({ status: 201, body: { paymentId: first.body['paymentId'], engine: 'legacy-lean' } });
    expect(again.body['route']).toMatchObject({ side: 'legacy', reason: 'affinity' });
    expect(after.saga.open()).toBe(0);
    expect(await routeOf(order.id)).toMatchObject([{ side: 'legacy' }]);
  });
});

describe('a change of the rollout', () => {
  const metrics = createMetrics();
  async function watch(over: Partial<RolloutWatchOptions> = {}): Promise<RolloutWatch> {
    const switches = { eventDrivenEnabled: undefined, emergencyRollback: false };
    const started = await watchRollout({ tx: database.pool, routerId: 'watch', switches, metrics, log, ...over });
    running.push(started);
    return started;
  }
  /** The test's own time-out is the limit. */
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise(setImmediate);
  }

  test('is applied at the hint, without waiting for the poll', async () => {
    const watched = await watch({ pollMs: 3_600_000, hints: redisHints(redis.url, redis.prefix) });
    const { row } = await setRollout({ percentage: 11 });
    expect(await publishHint(redis.url, redis.prefix, row.version)).toBe(true);
    await until(() => watched.current().percentage === 11);
    expect(watched.current().version).toBe(row.version);
  });

  test('is applied by the poll when there is no Redis', async () => {
    const nowhere = 'redis://127.0.0.1:1';
    const watched = await watch({ pollMs: 20, hints: redisHints(nowhere, redis.prefix) });
    await setRollout({ percentage: 12 });
    expect(await publishHint(nowhere, redis.prefix, 1)).toBe(false);
    await until(() => watched.current().percentage === 12);
  });

  test('is told by a heartbeat and by metrics; a router that stops takes its heartbeat along', async () => {
    const { row } = await setRollout({ percentage: 25 });
    const watched = await watch({ routerId: 'beats' });
    const beats = () => database.pool.query(`select applied_version from router_heartbeat where router_id = 'beats'`);
    expect(await beats()).toEqual([{ applied_version: row.version }]);
    const text = await metrics.registry.metrics();
    expect(text).toContain(`payment_router_config_version ${row.version}`);
    expect(text).toContain('payment_router_canary_ratio 0.25');
    expect(text).toContain('payment_router_emergency_active 0');
    await watched.stop();
    expect(await beats()).toEqual([]);
  });

  test('a configuration that nobody confirms any more is stale, by a clock of one’s own', async () => {
    let now = 0;
    const pool = openPool({ url: database.url, size: 1 });
    const watched = await watch({ tx: pool, now: () => now, pollMs: 5 });
    await pool.close(); // from here no poll succeeds
    now = 9_999;
    expect(watched.stale()).toBe(false);
    now = 10_001;
    expect(watched.stale()).toBe(true);
    expect(watched.ageMs()).toBe(10_001);
  });

  test('a router that has never read one sends everything to the monolith', async () => {
    const pool = openPool({ url: database.url, size: 1 });
    await pool.close();
    const watched = await watch({ tx: pool });
    expect(watched.stale()).toBe(true);
    const routing = createRouting(watched, () => 'NORMAL', undefined);
    expect(routing(7)).toMatchObject({ side: 'legacy', reason: 'disabled', version: 0 });
  });

  test('a stale router says so in its route, and is not ready', async () => {
    await setRollout({ percentage: 100 });
    const at = await router({ ...neverPolls, maxAgeMs: -1 });
    const order = await orderInBucket(1);
    expect((await pay(at, order)).body['route']).toMatchObject({ side: 'legacy', reason: 'stale_config' });
    expect((await call('GET', `${at.url}/readyz`)).status).toBe(503);
  });
});

describe('looking tiers up', () => {
  test('one statement for all who ask at once, none for who is known', async () => {
    const [normal, vip] = [await store.user(), await store.user({ tier: 'VIP' })];
    let statements = 0;
    const counted = {
      query: <Row>(text: string, values?: readonly unknown[]) => {
        statements += 1;
        return database.pool.query<Row>(text, values);
      },
    };
    let now = 0;
    const tiers = createUserTiers({ tx: counted, now: () => now, size: 3 });
    const first = tiers(normal); // on its way alone
    const rest = await Promise.all([tiers(vip), tiers(normal), tiers(vip), tiers(999_999_999)]);
    expect([await first, ...rest]).toEqual(['NORMAL', 'VIP', 'NORMAL', 'VIP', 'NORMAL']);
    expect(statements).toBe(2);
    expect(tiers(vip)).toBe('VIP');
    now = 10_001;
    await tiers(vip);
    expect(statements).toBe(3);
    const others = await Promise.all([1, 2, 3].map(async () => tiers(await store.user())));
    expect(others).toEqual(['NORMAL', 'NORMAL', 'NORMAL']);
    expect(tiers(vip)).toBeInstanceOf(Promise); // forgotten: there is room for three
  });

  test('a look-up that fails or takes too long makes nobody a VIP, and nobody a saga', async () => {
    const closed = openPool({ url: database.url, size: 1 });
    await closed.close();
    expect(await createUserTiers({ tx: closed })(1)).toBe('unknown');
    const slow = { query: () => new Promise<never>(() => undefined) };
    expect(await createUserTiers({ tx: slow, timeoutMs: 10 })(1)).toBe('unknown');
    const watched = await watchRollout({
      tx: database.pool,
      routerId: 'unknown-tier',
      switches: { eventDrivenEnabled: undefined, emergencyRollback: false },
      metrics: createMetrics(),
      log,
    });
    running.push(watched);
    const routing = createRouting(watched, createUserTiers({ tx: closed }), undefined);
    expect(await routing(1)).toMatchObject({ side: 'legacy', reason: 'vip_unknown' });
  });
});

describe('two routers, one order', () => {
  test('opposite opinions, many orders at once: each order has exactly one side', async () => {
    await setRollout({ percentage: 100 });
    const eager = await router(neverPolls); // for ever at 100 %
    await setRollout({ percentage: 0 });
    const careful = await router(neverPolls);
    const orders = await Promise.all(Array.from({ length: 150 }, () => store.payable()));
    const replies = await Promise.all(
      orders.flatMap((order, i) => (i % 2 === 0 ? [eager, careful] : [careful, eager]).map((at) => pay(at, order))),
    );
    await until202sAreDone(careful, orders);
    for (const reply of replies) expect([201, 202, 409]).toContain(reply.status);
    const sides = await database.pool.query<{ side: string; sagas: number; payments: number }>(
      `select r.side, (select count(*) from saga_state s where s.order_id = r.order_id) as sagas,
         (select count(*) from payments p where p.order_id = r.order_id) as payments
       from payment_route r where r.order_id = any($1)`,
      [orders.map((order) => order.id)],
    );
    expect(sides).toHaveLength(orders.length);
    for (const { side, sagas, payments } of sides) {
      expect([sagas, payments]).toEqual(side === 'saga' ? [1, 0] : [0, 1]);
    }
    expect(new Set(sides.map(({ side }) => side))).toEqual(new Set(['legacy', 'saga'])); // else it was no race
  });

  /** A monolith's 202 is not durable: wait until each order has its route and, on legacy, its payment. */
  async function until202sAreDone(at: Router, orders: readonly { id: number }[]): Promise<void> {
    for (const { id } of orders) {
      for (;;) {
        const { body } = await call('GET', `${at.url}/v1/orders/${id}/payment`);
        if (body['status'] === 'PAID' || body['sagaId'] !== undefined) break;
      }
    }
  }

  test('after the rollback has committed, a router that never heard of it starts nothing on the saga', async () => {
    await setRollout({ percentage: 100 });
    const deaf = await router(neverPolls);
    const orders = await Promise.all(Array.from({ length: 120 }, () => store.payable()));
    const late: Promise<Reply>[] = [];
    const early = orders.slice(0, 60).map((order) => pay(deaf, order));
    const { row } = await setRollout({ emergency: true });
    for (const order of orders.slice(60)) late.push(pay(deaf, order));
    await Promise.all(early);
    await Promise.all(late);
    await until202sAreDone(deaf, orders);
    const routes = await database.pool.query<{ side: string; reason: string; config_version: number }>(
      'select side, reason, config_version from payment_route where order_id = any($1)',
      [orders.slice(60).map((order) => order.id)],
    );
    expect(routes).toHaveLength(60);
    for (const route of routes)
      expect(route).toEqual({ side: 'legacy', reason: 'emergency', config_version: row.version - 1 });
    const afterwards = await store.payable();
    const reply = await payAndWait(deaf, afterwards);
    expect(reply).toMatchObject({
      status: 201,
      body: { engine: 'legacy-lean', route: { side: 'legacy', reason: 'emergency' } },
    });
    expect((await readRollout(database.pool)).emergency).toBe(true);
  });
});

test('a pinned router asks for no tier and heeds no rollback', async () => {
  await setRollout({ percentage: 0, emergency: true });
  const at = await router({}, { SAGASHIFT_ENGINE: 'orchestration' });
  const vip = await orderInBucket(9, 'VIP');
  expect((await pay(at, vip)).body).toMatchObject({
    engine: 'orchestration',
    route: { side: 'saga', reason: 'pinned', bucket: 9 },
  });
  expect(at.saga.open()).toBe(1);
});
