import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMetrics, type Metrics } from '../runtime/metrics.ts';
import { newFigures, unionMs } from './figures.ts';

const valueOf = async (metrics: Metrics, name: string, labels: Record<string, string>): Promise<number | undefined> => {
  const found = await metrics.registry.getSingleMetric(name)?.get();
  return found?.values.find(
    (v) =>
      'metricName' in v &&
      v.metricName === `${name}_sum` &&
      Object.entries(labels).every(([k, l]) => v.labels[k] === l),
  )?.value;
};

describe('the union of intervals', () => {
  test.each([
    { name: 'nothing', intervals: [], ms: 0 },
    { name: 'one', intervals: [[2, 5]], ms: 3 },
    {
      name: 'apart, in any order',
      intervals: [
        [10, 12],
        [1, 2],
      ],
      ms: 3,
    },
    {
      name: 'overlapping',
      intervals: [
        [1, 5],
        [3, 8],
      ],
      ms: 7,
    },
    {
      name: 'one inside the other',
      intervals: [
        [1, 9],
        [3, 4],
      ],
      ms: 8,
    },
    {
      name: 'touching',
      intervals: [
        [1, 3],
        [3, 4],
      ],
      ms: 3,
    },
    { name: 'one that ends before it begins', intervals: [[5, 3]], ms: 0 },
  ] as { name: string; intervals: [number, number][]; ms: number }[])('$name', ({ intervals, ms }) => {
    expect(unionMs(intervals.map(([from, to]) => ({ from, to })))).toBe(ms);
  });

  test('covers what is covered, counted millisecond by millisecond', () => {
    const interval = fc
      .tuple(fc.nat({ max: 20 }), fc.nat({ max: 10 }))
      .map(([from, length]) => ({ from, to: from + length }));
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 6 }), (intervals) => {
        const covered = new Set(
          intervals.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)),
        );
        expect(unionMs(intervals)).toBe(covered.size);
      }),
    );
  });
});

describe('the figures of a payment', () => {
  test('are observed only when it is final', async () => {
    const metrics = createMetrics();
    const figures = newFigures(metrics, 'e');
    figures.waited('stock', 'redis', 5);
    figures.held('stock', 'redis', { from: 0, to: 10 });
    await figures.transaction('payment', () => Promise.resolve());
    expect(await valueOf(metrics, 'payment_lock_hold_seconds', {})).toBeUndefined();
    figures.finish();
    expect(await valueOf(metrics, 'payment_lock_wait_seconds', { lock: 'stock', kind: 'redis' })).toBeCloseTo(0.005);
    expect(await valueOf(metrics, 'payment_lock_hold_seconds', { lock: 'stock', kind: 'redis' })).toBeCloseTo(0.01);
  });

  test('count a resource once, whatever locks were on it; the sum is over resources and the max is the longest', async () => {
    const metrics = createMetrics();
    const figures = newFigures(metrics, 'e');
    figures.held('stock', 'redis', { from: 0, to: 100 });
    figures.held('stock', 'row', { from: 20, to: 90 });
    figures.held('balance', 'row', { from: 10, to: 40 });
    figures.finish();
    expect(await valueOf(metrics, 'payment_lock_hold_seconds', { lock: 'stock', kind: 'union' })).toBeCloseTo(0.1);
    expect(await valueOf(metrics, 'payment_lock_hold_seconds', { lock: 'balance', kind: 'union' })).toBeCloseTo(0.03);
    expect(await valueOf(metrics, 'payment_lock_hold_per_payment_seconds', { figure: 'sum' })).toBeCloseTo(0.13);
    expect(await valueOf(metrics, 'payment_lock_hold_per_payment_seconds', { figure: 'max' })).toBeCloseTo(0.1);
  });

  test('a transaction is timed from its beginning, also when it fails, and each try counts', async () => {
    const metrics = createMetrics();
    let at = 0;
    const figures = newFigures(metrics, 'e', () => at);
    await figures.transaction('payment', async (begun) => {
      at = 1_000; // waited for a connection
      begun();
      at = 1_030;
      await Promise.resolve();
    });
    await expect(
      figures.transaction('refusal', () => {
        at = 1_050;
        return Promise.reject(new Error('gone'));
      }),
    ).rejects.toThrow('gone');
    figures.finish();
    expect(await valueOf(metrics, 'payment_tx_duration_seconds', { tx: 'payment' })).toBeCloseTo(0.03);
    expect(await valueOf(metrics, 'payment_tx_per_payment_seconds', { figure: 'sum' })).toBeCloseTo(0.05);
    expect(await valueOf(metrics, 'payment_tx_per_payment_seconds', { figure: 'longest' })).toBeCloseTo(0.03);
  });
});
