import {
  couponDiscounts,
  couponOf,
  discountFor,
  mostExpensiveOrder,
  type OrderPlan,
  type PlannedOrder,
  priceOf,
  type World,
} from './plan.ts';
import { evenly, integer, randomOf } from './random.ts';

export type Row = readonly (number | string | boolean | null)[];

/** A table to be filled: columns not named here (identities, times, transaction ids) get their defaults. */
export interface TableRows {
  readonly table: string;
  readonly columns: readonly string[];
  rows(world: World, facts: Facts): Iterable<Row>;
}

/** What the tables need to know about all orders: gathered in one pass, so that rows can be streamed. */
export interface Facts {
  /** What is bound to orders, by product: reserved for open ones, gone with those of the past. */
  readonly reserved: Float64Array;
  readonly sold: Float64Array;
  readonly issued: number[];
  /** Won, by order. */
  readonly totals: Float64Array;
  /** Debits of the past, by user. */
  readonly debits: Map<number, { orderId: number; amount: number }[]>;
  readonly expected: Record<string, number>;
}

export function gatherFacts(world: World): Facts {
  const { products } = world.options;
  const facts: Facts = {
    reserved: new Float64Array(products + 1),
    sold: new Float64Array(products + 1),
    issued: couponDiscounts.map(() => 0),
    totals: new Float64Array(world.options.orders + 1),
    debits: new Map(),
    expected: {},
  };
  const add = (to: Float64Array, order: PlannedOrder): void => {
    for (const { productId, qty } of order.items) to[productId] = (to[productId] as number) + qty;
  };
  for (const order of orders(world)) {
    facts.totals[order.orderId] = order.total;
    facts.expected[order.expect] = (facts.expected[order.expect] ?? 0) + 1;
    if (order.expect !== 'STOCK_INSUFFICIENT') add(facts.reserved, order);
    if (order.couponId !== null) facts.issued[couponOf(order.couponId) - 1]!++;
    if (order.expect !== 'COUPON_UNUSABLE') continue;
    const past = world.past(order);
    add(facts.sold, past);
    const debit = { orderId: past.orderId, amount: past.total - discountFor(past) };
    const earlier = facts.debits.get(past.userId);
    if (earlier === undefined) facts.debits.set(past.userId, [debit]);
    else earlier.push(debit);
  }
  return facts;
}

function* orders(world: World): Generator<PlannedOrder> {
  for (let id = 1; id <= world.options.orders; id++) yield world.order(id);
}

function* plans(world: World): Generator<OrderPlan> {
  for (let id = 1; id <= world.options.orders; id++) yield world.plan(id);
}

function* pastOrders(world: World): Generator<PlannedOrder> {
  if (world.options.usedCouponShare === 0) return;
  for (const plan of plans(world)) if (plan.expect === 'COUPON_UNUSABLE') yield world.past(plan);
}

const isPoor = ({ groups }: World, user: number): boolean =>
  user > groups.ordinary && user <= groups.ordinary + groups.poor;
const isBlocked = ({ groups }: World, user: number): boolean => user > groups.ordinary + groups.poor;

/** Enough for all orders, whoever places them; a poor user's is less than any order costs. */
export function openingOf(world: World, user: number): number {
  const random = randomOf(world.options.seed, -10 - user);
  return isPoor(world, user)
    ? integer(random, 1, 99)
    : (world.options.orders + 1) * mostExpensiveOrder + integer(random, 0, 999_999);
}

/** Every tenth user has topped up since. */
export const topUpOf = (world: World, user: number): number => (user % 10 === 0 && !isPoor(world, user) ? 10_000 : 0);

/** The balance ledger of one user, oldest first: OPENING is version 0. */
function* balanceLedger(world: World, facts: Facts, user: number): Generator<Row> {
  let after = openingOf(world, user);
  let version = 0;
  yield [user, null, 'OPENING', after, after, version];
  const topUp = topUpOf(world, user);
  if (topUp > 0) yield [user, null, 'TOPUP', topUp, (after += topUp), ++version];
  for (const { orderId, amount } of facts.debits.get(user) ?? [])
    yield [user, orderId, 'DEBIT', -amount, (after -= amount), ++version];
}

const restocked = 1_000_000_000;

function* range(to: number): Generator<number> {
  for (let i = 1; i <= to; i++) yield i;
}

function* map<A, B>(values: Iterable<A>, of: (value: A) => B): Generator<B> {
  for (const value of values) yield of(value);
}

export const tables: readonly TableRows[] = [
  {
    table: 'users',
    columns: ['id', 'tier', 'payment_blocked'],
    rows: (world) =>
      map(range(world.options.users), (id) => [
        id,
        evenly(0, id, randomOf(world.options.seed, -3)()) < world.options.vipShare ? 'VIP' : 'NORMAL',
        isBlocked(world, id),
      ]),
  },
  {
    table: 'balance_ledger',
    columns: ['user_id', 'order_id', 'kind', 'amount', 'balance_after', 'version'],
    *rows(world, facts) {
      for (const user of range(world.options.users)) yield* balanceLedger(world, facts, user);
    },
  },
  {
    table: 'balances',
    columns: ['user_id', 'amount', 'version'],
    *rows(world, facts) {
      for (const user of range(world.options.users)) {
        const [, , , , amount, version] = [...balanceLedger(world, facts, user)].at(-1) as Row;
        yield [user, amount as number, version as number];
      }
    },
  },
  {
    table: 'products',
    columns: ['id', 'price'],
    rows: (world) => map(range(world.options.products), (id) => [id, priceOf(id)]),
  },
  {
    table: 'stocks',
    columns: ['product_id', 'available', 'reserved'],
    rows: (world, { reserved, sold }) =>
      map(range(world.options.products), (id) => [
        id,
        restocked - (reserved[id] as number) - (sold[id] as number),
        reserved[id] as number,
      ]),
  },
  {
    table: 'stock_ledger',
    columns: ['product_id', 'order_id', 'kind', 'qty'],
    *rows(world) {
      for (const id of range(world.options.products)) yield [id, null, 'RESTOCK', restocked];
      for (const past of pastOrders(world)) {
        for (const { productId, qty } of past.items) yield [productId, past.orderId, 'RESERVE', qty];
        for (const { productId, qty } of past.items) yield [productId, past.orderId, 'CONFIRM', qty];
      }
      for (const order of orders(world)) {
        for (const { productId, qty } of order.items) yield [productId, order.orderId, 'RESERVE', qty];
        if (order.expect !== 'STOCK_INSUFFICIENT') continue;
        for (const { productId, qty } of order.items) yield [productId, order.orderId, 'RELEASE', qty];
      }
    },
  },
  {
    table: 'coupons',
    columns: ['id', 'discount', 'quota', 'issued'],
    rows: (_, { issued }) =>
      couponDiscounts.map((discount, i) => [i + 1, discount, (issued[i] as number) + 1_000, issued[i] as number]),
  },
  {
    table: 'user_coupons',
    columns: ['id', 'coupon_id', 'user_id', 'status', 'used_order_id'],
    *rows(world) {
      for (const { couponId, userId, expect, orderId } of plans(world)) {
        if (couponId === null) continue;
        const used = expect === 'COUPON_UNUSABLE';
        yield [
          couponId,
          couponOf(couponId),
          userId,
          used ? 'USED' : 'ISSUED',
          used ? world.options.orders + orderId : null,
        ];
      }
    },
  },
  {
    table: 'orders',
    columns: ['id', 'user_id', 'status', 'engine', 'total_amount', 'discount_amount', 'final_amount', 'user_coupon_id'],
    *rows(world, { totals }) {
      // The coupon of an open order is asked for with the payment; here it is not yet applied.
      for (const { orderId, userId } of plans(world))
        yield [orderId, userId, 'PENDING', null, totals[orderId] as number, 0, null, null];
      for (const past of pastOrders(world)) {
        const discount = discountFor(past);
        yield [
          past.orderId,
          past.userId,
          'PAID',
          'history',
          past.total,
          discount,
          past.total - discount,
          past.couponId,
        ];
      }
    },
  },
  {
    table: 'order_items',
    columns: ['order_id', 'product_id', 'qty', 'unit_price'],
    *rows(world) {
      for (const all of [orders(world), pastOrders(world)]) {
        for (const { orderId, items } of all)
          for (const { productId, qty, unitPrice } of items) yield [orderId, productId, qty, unitPrice];
      }
    },
  },
  {
    table: 'payments',
    columns: ['order_id', 'user_id', 'amount', 'engine'],
    rows: (world) =>
      map(pastOrders(world), (past) => [past.orderId, past.userId, past.total - discountFor(past), 'history']),
  },
];
