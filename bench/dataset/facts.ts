import {
  couponDiscounts,
  couponOf,
  discountFor,
  mostExpensiveOrder,
  type OrderPlan,
  type PlannedOrder,
  type World,
} from './plan.ts';
import { integer, randomOf } from './random.ts';

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
    if (order.couponId !== null)
      facts.issued[couponOf(order.couponId) - 1] = 1 + (facts.issued[couponOf(order.couponId) - 1] ?? 0);
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

export function* orders(world: World): Generator<PlannedOrder> {
  for (let id = 1; id <= world.options.orders; id++) yield world.order(id);
}

export function* plans(world: World): Generator<OrderPlan> {
  for (let id = 1; id <= world.options.orders; id++) yield world.plan(id);
}

export function* pastOrders(world: World): Generator<PlannedOrder> {
  if (world.options.usedCouponShare === 0) return;
  for (const plan of plans(world)) if (plan.expect === 'COUPON_UNUSABLE') yield world.past(plan);
}

const isPoor = ({ groups }: World, user: number): boolean =>
  user > groups.ordinary && user <= groups.ordinary + groups.poor;

/** Enough for all orders, whoever places them; a poor user's is less than any order costs. */
export function openingOf(world: World, user: number): number {
  const random = randomOf(world.options.seed, -10 - user);
  return isPoor(world, user)
    ? integer(random, 1, 99)
    : (world.options.orders + 1) * mostExpensiveOrder + integer(random, 0, 999_999);
}

/** Every tenth user has topped up since. */
export const topUpOf = (world: World, user: number): number => (user % 10 === 0 && !isPoor(world, user) ? 10_000 : 0);
