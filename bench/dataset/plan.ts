import type { RefusalCode } from '../../domain/errors.ts';
import { discountOf } from '../../domain/coupon/coupon-rules.ts';
import type { DatasetOptions } from './options.ts';
import { evenly, integer, randomOf, shuffled } from './random.ts';
import { zipf } from './zipf.ts';

/** How the payment of an order must end. */
export type Expected =
  'PAID' | Extract<RefusalCode, 'BALANCE_INSUFFICIENT' | 'STOCK_INSUFFICIENT' | 'COUPON_UNUSABLE' | 'PAYMENT_FAILED'>;

/** What the load driver asks for and what it must get, known without reading the database. */
export interface OrderPlan {
  readonly orderId: number;
  readonly userId: number;
  readonly couponId: number | null;
  readonly expect: Expected;
}

export interface PlannedItem {
  readonly productId: number;
  readonly qty: number;
  readonly unitPrice: number;
}

export interface PlannedOrder extends OrderPlan {
  readonly items: readonly PlannedItem[];
  readonly total: number;
}

/** The plans of the orders `from`..`to` (both included, default all), in id order. Each is made on its own, so a slice costs what it holds. */
export function* planOrders(options: DatasetOptions, from = 1, to = options.orders): Generator<OrderPlan> {
  const world = createWorld(options);
  for (let id = from; id <= to; id++) yield world.plan(id);
}

export interface World {
  readonly options: DatasetOptions;
  plan(id: number): OrderPlan;
  /** The plan with what was ordered; three times the work of the plan alone. */
  order(id: number): PlannedOrder;
  /** The paid order of the past that used up the coupon of a COUPON_UNUSABLE order. */
  past(plan: OrderPlan): PlannedOrder;
  readonly groups: UserGroups;
}

/** Users 1..ordinary pay, the next `poor` cannot afford anything, the last `blocked` may not pay. */
export interface UserGroups {
  readonly ordinary: number;
  readonly poor: number;
  readonly blocked: number;
}

// Streams of chance: 1.. each order's user, from `itemStream` its items, below zero everything else.
const [shuffleStream, offsetStream, itemStream] = [-1, -2, 2 ** 30];

export function createWorld(options: DatasetOptions): World {
  const offset = randomOf(options.seed, offsetStream)();
  const groups = userGroups(options);
  const pick = productPicker(options);

  const expectation = (id: number): Expected => {
    let point = evenly(0, id, offset);
    for (const [share, expect] of refusals) {
      if (point < options[share]) return expect;
      point -= options[share];
    }
    return 'PAID';
  };

  const plan = (id: number): OrderPlan => {
    const expect = expectation(id);
    const asks = expect === 'COUPON_UNUSABLE' || evenly(1, id, offset) < options.couponShare;
    return {
      orderId: id,
      userId: userFor(expect, groups, randomOf(options.seed, id)()),
      couponId: asks ? id : null,
      expect,
    };
  };

  const withItems = (of: OrderPlan, hot: boolean | undefined): PlannedOrder => {
    const random = randomOf(options.seed, itemStream + of.orderId);
    const items: PlannedItem[] = [];
    let total = 0;
    for (const productId of pick(random, hot)) {
      const item = { productId, qty: integer(random, 1, 3), unitPrice: priceOf(productId) };
      items.push(item);
      total += item.qty * item.unitPrice;
    }
    return { ...of, items, total };
  };

  return {
    options,
    groups,
    plan,
    order: (id) => withItems(plan(id), options.hotShare > 0 ? evenly(2, id, offset) < options.hotShare : undefined),
    past: (of) => withItems({ ...of, orderId: options.orders + of.orderId, expect: 'PAID' }, undefined),
  };
}

const refusals: readonly (readonly [
  'lowBalanceShare' | 'lapsedShare' | 'usedCouponShare' | 'blockedShare',
  Expected,
])[] = [
  ['lowBalanceShare', 'BALANCE_INSUFFICIENT'],
  ['lapsedShare', 'STOCK_INSUFFICIENT'],
  ['usedCouponShare', 'COUPON_UNUSABLE'],
  ['blockedShare', 'PAYMENT_FAILED'],
];

function userGroups({ users, lowBalanceShare, blockedShare }: DatasetOptions): UserGroups {
  // As many of them as their orders' share: they are then no hotter than the others.
  const some = (share: number): number => (share > 0 ? Math.min(Math.max(1, Math.round(users * share)), users - 2) : 0);
  const blocked = some(blockedShare);
  const poor = Math.min(some(lowBalanceShare), users - 1 - blocked);
  return { ordinary: users - poor - blocked, poor, blocked };
}

function userFor(expect: Expected, { ordinary, poor, blocked }: UserGroups, point: number): number {
  if (expect === 'BALANCE_INSUFFICIENT') return ordinary + 1 + Math.floor(point * poor);
  if (expect === 'PAYMENT_FAILED') return ordinary + poor + 1 + Math.floor(point * blocked);
  return 1 + Math.floor(point * ordinary);
}

/** 1-3 different products. Popular ones are scattered over the ids: were they the lowest, they would always be locked first and longest. */
function productPicker(options: DatasetOptions): (random: () => number, hot: boolean | undefined) => number[] {
  const ids = Array.from({ length: options.products }, (_, i) => i + 1).filter(
    (id) => options.hotShare === 0 || id !== hotProduct,
  );
  const byRank = shuffled(randomOf(options.seed, shuffleStream), ids);
  const rank = zipf(byRank.length, options.zipfTheta);
  return (random, hot) => {
    const wanted = Math.min(integer(random, 1, 3), byRank.length);
    const picked = hot === true ? [hotProduct] : [];
    // A product drawn twice counts once: with few or very skewed products an order may have fewer lines, never two of one.
    for (let tries = 0; picked.length < wanted && tries < 8; tries++) {
      const productId = byRank[rank(random()) - 1] as number;
      if (!picked.includes(productId)) picked.push(productId);
    }
    return picked.sort((a, b) => a - b);
  };
}

const hotProduct = 1;

/** Won. At least 1,000, so that no order is free after the largest coupon (`couponDiscounts`). */
export const priceOf = (productId: number): number => 1_000 + 100 * ((productId * 7_919) % 491);
export const mostExpensiveOrder = 3 * 3 * (1_000 + 100 * 490);

/** Discount in won of coupon 1, 2, ... */
export const couponDiscounts = [300, 500, 600, 800, 900] as const;
export const couponOf = (userCouponId: number): number => 1 + ((userCouponId * 31) % couponDiscounts.length);
export const discountFor = (order: PlannedOrder): number =>
  order.couponId === null ? 0 : discountOf(order.total, couponDiscounts[couponOf(order.couponId) - 1] as number);
