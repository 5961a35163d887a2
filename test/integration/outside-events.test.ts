import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { OrderPlan } from '../../bench/dataset/plan.ts';
import { verify } from '../../consistency/verifier.ts';
import { outsideEvents, type OutsidePayloads, routingPresets, type Topic } from '../../domain/delivery-events.ts';
import { installRoutes } from '../../eventdriven/delivery/routes.ts';
import { insertOrder } from '../../router/order-sql.ts';
import { type FreshDatabase, freshDatabase, type Shop, shop } from '../support/services.ts';
import { payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';

let database: FreshDatabase;
let store: Shop;

beforeAll(async () => {
  database = await freshDatabase();
  store = shop(database.pool);
});
beforeEach(async () => {
  await installRoutes(database.pool, 'full');
  await database.pool.query(`update delivery_route set since = '-infinity'`);
});
afterAll(() => database.drop());

interface Heard {
  readonly topic: Topic;
  readonly target: string;
  readonly data: unknown;
}
const heard = (orderId: number): Promise<Heard[]> =>
  database.pool.query<Heard>(
    `select event_type as topic, target_system as target, event_data as data from external_event_log where order_id = $1 order by event_id`,
    [orderId],
  );
const dataOf = (events: readonly Heard[], topic: Topic, target: string): unknown[] =>
  events.filter((event) => event.topic === topic && event.target === target).map((event) => event.data);
const routesOf = (events: readonly Heard[]): string[] =>
  [...new Set(events.map(({ topic, target }) => `${topic} -> ${target}`))].sort();
const presetRoutes = (when: 'order placed' | 'payment'): string[] =>
  outsideEvents
    .filter((event) => event.when.includes(when))
    .flatMap(({ topic, targets }) => targets.map((target) => `${topic} -> ${target}`))
    .sort();

async function placed(
  balance = 100_000,
): Promise<OrderPlan & { lines: { productId: number; qty: number; unitPrice: number }[] }> {
  const userId = await store.user({ balance });
  const lines = [
    { productId: await store.product({ price: 700 }), qty: 2, unitPrice: 700 },
    { productId: await store.product({ price: 50 }), qty: 1, unitPrice: 50 },
  ];
  const orderId = await insertOrder(database.pool, userId, lines);
  return { orderId: orderId!, userId, couponId: null, lines } as never;
}

test('an order that is placed is told of in its transaction', async () => {
  const { orderId, userId, lines } = await placed();
  const events = await heard(orderId);
  expect(routesOf(events)).toEqual(presetRoutes('order placed'));
  const created: OutsidePayloads['order.created'] = { orderId, userId, totalAmount: 1_450, lines };
  expect(dataOf(events, 'order.created', 'inventory')).toEqual([created]);
  const activity: OutsidePayloads['user.activity'] = { orderId, userId, activity: 'order.created', amount: 1_450 };
  expect(dataOf(events, 'user.activity', 'customer-behaviour')).toEqual([activity]);
});

const payers = {
  'legacy-lean': async (plan: OrderPlan) => [await payLean(database.pool, plan)],
  orchestration: (plan: OrderPlan) => paySagas(database.pool, [plan], 'orchestration'),
  choreography: (plan: OrderPlan) => paySagas(database.pool, [plan], 'choreography'),
} as const;

describe.each(Object.entries(payers))('a payment by %s', (_, pay) => {
  test('is told of to whom it concerns: the payment, the order, each product, the user', async () => {
    const plan = await placed();
    const before = await heard(plan.orderId);
    const [paid] = await pay(plan);
    const events = (await heard(plan.orderId)).slice(before.length);
    const { orderId, userId, lines } = plan;
    expect(routesOf(events)).toEqual(presetRoutes('payment'));

    const completed: OutsidePayloads['payment.completed'] = {
      paymentId: paid!.paymentId!,
      orderId,
      userId,
      amount: 1_450,
    };
    expect(dataOf(events, 'payment.completed', 'data-warehouse')).toEqual([completed]);
    const order: OutsidePayloads['order.completed'] = { orderId, userId, amount: 1_450, lines };
    expect(dataOf(events, 'order.completed', 'order-analytics')).toEqual([order]);
    const products: OutsidePayloads['product.purchased'][] = lines.map((line) => ({ orderId, userId, ...line }));
    const told = dataOf(events, 'product.purchased', 'recommendation') as typeof products;
    expect([...told].sort((a, b) => a.productId - b.productId)).toEqual(products);
    const activity: OutsidePayloads['user.activity'] = {
      orderId,
      userId,
      activity: 'payment.completed',
      amount: 1_450,
    };
    expect(dataOf(events, 'user.activity', 'customer-behaviour')).toEqual([activity]);
    expect(events).toHaveLength(3 + 3 + 2 * 2 + 1);
  });

  test('that is refused is not told of', async () => {
    const plan = await placed(10);
    const before = await heard(plan.orderId);
    expect(await pay(plan)).toMatchObject([{ outcome: 'refused' }]);
    expect(await heard(plan.orderId)).toEqual(before);
  });
});

test('the invariants hold with every event routed, also over routes that were added later and taken away', async () => {
  await payLean(database.pool, await placed());
  const broken = async (): Promise<string[]> =>
    (await verify(database.url, { mode: 'live' })).perInvariant
      .filter(({ violations }) => violations > 0)
      .map(({ code }) => code);
  expect(await broken()).toEqual([]);
  await database.pool.query(
    `insert into delivery_route (event_type, target_system) values ('payment.completed', 'crm')`,
  );
  await payLean(database.pool, await placed()); // hears of it already
  expect(await broken()).toEqual([]);
  await installRoutes(database.pool, 'single');
  await payLean(database.pool, await placed());
  expect(await broken()).toEqual([]);
  // And one that is missing is seen.
  await installRoutes(database.pool, 'full');
  await database.pool.query(`update delivery_route set since = '-infinity'`);
  const plan = await placed();
  await payLean(database.pool, plan);
  await database.pool.query(`update delivery_route set since = clock_timestamp() - interval '1 s'`);
  await database.pool.query(
    `delete from external_event_log where order_id = $1 and event_type = 'product.purchased' and target_system = 'inventory'
    and event_data->>'productId' = $2`,
    [plan.orderId, plan.lines[0]!.productId],
  );
  await database.pool.query(`update payments set created_at = now() where order_id = $1`, [plan.orderId]);
  expect(await broken()).toEqual(['X1']);
});

describe('routes', () => {
  const routes = (): Promise<unknown[]> =>
    database.pool.query('select event_type as topic, target_system as target from delivery_route order by 1, 2');
  const sorted = (of: readonly { topic: string; target: string }[]): unknown[] =>
    [...of].sort((a, b) => (`${a.topic} ${a.target}` < `${b.topic} ${b.target}` ? -1 : 1));

  test('a fresh database has the cheapest; a preset is installed and taken back by one call', async () => {
    const fresh = await freshDatabase();
    const rows = await fresh.pool.query('select event_type as topic, target_system as target from delivery_route');
    await fresh.drop();
    expect(rows).toEqual(routingPresets.single);
    expect(await routes()).toEqual(sorted(routingPresets.full));
    expect(await installRoutes(database.pool, 'single')).toEqual(routingPresets.single);
    expect(await routes()).toEqual(routingPresets.single);
    await installRoutes(database.pool, 'full');
    await installRoutes(database.pool, 'full');
    expect(await routes()).toEqual(sorted(routingPresets.full));
  });

  test('a route that stays keeps its age, one that is added binds payments that begin a minute later', async () => {
    await installRoutes(database.pool, 'single');
    await installRoutes(database.pool, 'full');
    const [added] = await database.pool.query<{ ahead: boolean }>(
      `select bool_and(since > now() + interval '30 s' and since < now() + interval '2 minutes') as ahead from delivery_route`,
    );
    expect(added).toEqual({ ahead: true });
    await database.pool.query(`update delivery_route set since = '2020-01-01'`);
    await installRoutes(database.pool, 'full');
    expect(await database.pool.query('select distinct since::date::text as since from delivery_route')).toEqual([
      { since: '2020-01-01' },
    ]);
  });
});
