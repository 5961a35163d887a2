import { describe, expect, test } from '@jest/globals';
import { type DatasetOptions, datasetOptions } from './options.ts';
import { createWorld, discountFor, mostExpensiveOrder, type OrderPlan, planOrders } from './plan.ts';
import { openingOf } from './facts.ts';
import { estimateTheta } from './zipf.ts';

const failures = { lowBalanceShare: 0.05, lapsedShare: 0.05, usedCouponShare: 0.05, blockedShare: 0.05 };
const options = (given: Partial<DatasetOptions> = {}): DatasetOptions =>
  datasetOptions({ seed: 42, users: 500, products: 200, orders: 20_000, ...given });

const share = (plans: readonly OrderPlan[], expect: OrderPlan['expect']): number =>
  plans.filter((plan) => plan.expect === expect).length / plans.length;

describe('the plan of the orders', () => {
  test('is the same for the same seed, another for another', () => {
    expect([...planOrders(options(failures), 1, 50)]).toEqual([...planOrders(options(failures), 1, 50)]);
    expect([...planOrders(options(failures), 1, 50)]).not.toEqual([
      ...planOrders(options({ ...failures, seed: 43 }), 1, 50),
    ]);
  });

  test('a slice is what the whole has at that place', () => {
    expect([...planOrders(options(failures), 101, 120)]).toEqual([...planOrders(options(failures))].slice(100, 120));
  });

  test('without failure shares every order is expected to be paid', () => {
    expect(share([...planOrders(options())], 'PAID')).toBe(1);
  });

  test('every slice of 1,000 has the same mix of kinds and coupons', () => {
    const plans = [...planOrders(options(failures))];
    for (let from = 0; from < plans.length; from += 1_000) {
      const slice = plans.slice(from, from + 1_000);
      for (const kind of ['BALANCE_INSUFFICIENT', 'STOCK_INSUFFICIENT', 'COUPON_UNUSABLE', 'PAYMENT_FAILED'] as const) {
        expect(Math.abs(share(slice, kind) - 0.05)).toBeLessThan(0.006);
      }
      const asking = slice.filter(({ couponId, expect }) => couponId !== null && expect !== 'COUPON_UNUSABLE');
      expect(Math.abs(asking.length / 950 - 0.2)).toBeLessThan(0.03);
    }
  });

  test('refusals come with coupons too, so that giving one back is exercised', () => {
    const refused = [...planOrders(options(failures))].filter((plan) => plan.expect === 'BALANCE_INSUFFICIENT');
    expect(refused.some((plan) => plan.couponId !== null)).toBe(true);
    expect(refused.some((plan) => plan.couponId === null)).toBe(true);
  });

  test('a poor user can afford none of the orders, everybody else all of them', () => {
    const world = createWorld(options(failures));
    for (let id = 1; id <= 2_000; id++) {
      const order = world.order(id);
      const [due, opening] = [order.total - discountFor(order), openingOf(world, order.userId)];
      expect(due).toBeGreaterThan(0);
      if (order.expect === 'BALANCE_INSUFFICIENT') expect(opening).toBeLessThan(due);
      else expect(opening).toBeGreaterThanOrEqual(world.options.orders * mostExpensiveOrder);
    }
  });

  test('blocked and poor users place no other orders', () => {
    const { groups, plan } = createWorld(options(failures));
    for (let id = 1; id <= 5_000; id++) {
      const { userId, expect: kind } = plan(id);
      const group =
        userId <= groups.ordinary ? 'ordinary' : userId <= groups.ordinary + groups.poor ? 'poor' : 'blocked';
      const wanted = { BALANCE_INSUFFICIENT: 'poor', PAYMENT_FAILED: 'blocked' } as Partial<
        Record<typeof kind, string>
      >;
      expect(group).toBe(wanted[kind] ?? 'ordinary');
    }
  });

  test('an order has one to three lines of different products', () => {
    const world = createWorld(options({ zipfTheta: 0.99 }));
    const sizes = new Set<number>();
    for (let id = 1; id <= 2_000; id++) {
      const products = world.order(id).items.map((item) => item.productId);
      expect(new Set(products).size).toBe(products.length);
      sizes.add(products.length);
    }
    expect([...sizes].sort()).toEqual([1, 2, 3]);
  });

  test('with one user of each kind and one product there are still orders', () => {
    const world = createWorld(options({ users: 3, products: 1, ...failures }));
    expect(world.groups).toEqual({ ordinary: 1, poor: 1, blocked: 1 });
    expect(world.order(1).items).toHaveLength(1);
  });

  test('hotShare of the orders contain product 1, the others do not', () => {
    const world = createWorld(options({ hotShare: 0.9 }));
    const hot = Array.from({ length: 2_000 }, (_, i) => world.order(i + 1)).filter((order) =>
      order.items.some((item) => item.productId === 1),
    );
    expect(Math.abs(hot.length / 2_000 - 0.9)).toBeLessThan(0.005);
  });

  test('the demand for products has the asked-for theta', () => {
    const world = createWorld(options({ zipfTheta: 0.99 }));
    const counts = new Map<number, number>();
    for (let id = 1; id <= 20_000; id++) {
      // Orders of one line: a second line is drawn without the first one's product.
      const { items } = world.order(id);
      if (items.length === 1) counts.set(items[0]!.productId, (counts.get(items[0]!.productId) ?? 0) + 1);
    }
    const byPopularity = [...counts.values()].sort((a, b) => b - a);
    expect(
      Math.abs(estimateTheta([...byPopularity, ...new Array<number>(200 - byPopularity.length).fill(0)]) - 0.99),
    ).toBeLessThan(0.05);
  });
});

describe('options', () => {
  test.each([
    [{ orders: 0 }, 'orders must be between 1 and 100000000, not 0'],
    [{ users: 2.5 }, 'users must be a whole number, not 2.5'],
    [{ seed: NaN }, 'seed must be a whole number, not NaN'],
    [{ hotShare: 1.1 }, 'hotShare must be between 0 and 1, not 1.1'],
    [{ zipfTheta: -1 }, 'zipfTheta must be between 0 and 5, not -1'],
    [{ lowBalanceShare: 0.6, blockedShare: 0.6 }, /the sum of lowBalanceShare.* not 1.2/],
    [{ hotShare: 0.5, products: 1 }, 'hotShare needs at least 2 products'],
  ])('%j is refused with what is wrong', (given, message) => {
    expect(() => datasetOptions(given)).toThrow(message);
  });
});
