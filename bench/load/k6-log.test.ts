import { describe, expect, test } from '@jest/globals';
import type { OrderPlan } from '../dataset/plan.ts';
import { readK6Log } from './k6-log.ts';
import { readK6Summary } from './k6-summary.ts';

const orders: OrderPlan[] = [11, 12, 13].map((orderId) => ({ orderId, userId: 7, couponId: null, expect: 'PAID' }));
const line = (iteration: number, started = iteration * 10, orderId = 11 + iteration) =>
  `${JSON.stringify([iteration, orderId, started, started + 5, 201, 'paid', null, 900 + iteration, 'legacy'])}\n`;

describe('the log of k6', () => {
  test('is read whole, by start, each line with the order it was for', () => {
    const { payments, faults } = readK6Log(line(1) + line(2) + line(0), orders);
    expect(faults).toEqual([]);
    expect(
      payments.map(({ plan, line: [iteration, , , , , , , paymentId] }) => [plan.orderId, iteration, paymentId]),
    ).toEqual([
      [11, 0, 900],
      [12, 1, 901],
      [13, 2, 902],
    ]);
    expect(readK6Log('', orders)).toEqual({ payments: [], faults: [] });
  });

  test.each([
    ['a cut last line', line(0) + line(1).slice(0, 20), /cut/],
    ['a line without its end', (line(0) + line(1)).trimEnd(), /cut/],
    ['something else', `${line(0)}level=warning\n${line(1)}`, /not one: level=warning/],
    ['too few columns', '[0,11,1,2]\n', /not one/],
    ['an outcome that there is not', line(0).replace('paid', 'lost'), /not one/],
    ['an iteration twice', line(0) + line(0), /iteration 0 twice/],
    ['an order that is not that of its iteration', line(0, 0, 12), /not one/],
    ['an iteration beyond the orders', line(9), /not one/],
  ])('%s is a fault', (_, text, fault) => {
    expect(readK6Log(text, orders).faults.join('; ')).toMatch(fault);
  });
});

describe('the summary of k6', () => {
  const metrics = {
    iterations: { values: { count: 60, rate: 20 } },
    dropped_iterations: { values: { count: 3 } },
    success: { values: { rate: 0.9 }, thresholds: { 'rate>=0.999': { ok: false } } },
  };
  const setup = { epochMs: 1_000_500.5, runMs: 0.5 };

  test('says how many iterations there were, what was dropped, when it began and which thresholds held', () => {
    expect(readK6Summary(JSON.stringify({ metrics, setup_data: setup }))).toEqual({
      iterations: 60,
      dropped: 3,
      zeroEpochMs: 1_000_500,
      thresholds: [{ metric: 'success', expression: 'rate>=0.999', passed: false }],
    });
    const { iterations, success } = metrics;
    expect(readK6Summary(JSON.stringify({ metrics: { iterations, success }, setup_data: setup }))?.dropped).toBe(0);
  });

  test.each(['', '{"metrics":{', 'null', JSON.stringify({ metrics }), JSON.stringify({ setup_data: setup })])(
    '%j is none',
    (text) => {
      expect(readK6Summary(text)).toBeUndefined();
    },
  );
});
