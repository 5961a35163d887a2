import { type Facts, openingOf, orders, pastOrders, plans, topUpOf } from './facts.ts';
import { couponDiscounts, couponOf, discountFor, priceOf, type World } from './plan.ts';
import { evenly, randomOf } from './random.ts';

export type Row = readonly (number | string | boolean | null)[];

/** A table to be filled: columns not named here (identities, times, transaction ids) get their defaults. */
export interface TableRows {
  readonly table: string;
  readonly columns: readonly string[];
  rows(world: World, facts: Facts): Iterable<Row>;
}

const isBlocked = ({ groups }: World, user: number): boolean => user > groups.ordinary + groups.poor;

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
