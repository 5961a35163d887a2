import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../runtime/metrics.ts';
import { createPaymentMetrics } from '../payment-metrics.ts';
import { inFlight, sampleTraffic } from './traffic-sample.ts';
import { createTrafficWindow } from './traffic-window.ts';

/** A window over real metrics; `after` samples them at a moment. */
function watched(keepMs = 60_000) {
  const metrics = createMetrics();
  const counts = createPaymentMetrics(metrics);
  const window = createTrafficWindow(keepMs);
  return {
    metrics,
    counts,
    window,
    at: async (ms: number) => {
      window.push(await sampleTraffic(metrics, ms));
    },
    paid: (n: number, seconds = 0.01) => {
      for (let i = 0; i < n; i += 1) counts.answered('saga', 'orchestration', 'good', seconds);
    },
  };
}

describe('the traffic of a window', () => {
  test('counts what happened in it, by side and outcome, and not what was before', async () => {
    const { counts, window, at, paid } = watched();
    paid(100);
    await at(0);
    paid(20, 0.0075);
    counts.answered('saga', 'orchestration', 'rejected', 0.0075);
    counts.answered('saga', 'orchestration', 'bad', 30);
    counts.answered('legacy', 'legacy', 'good', 0.3);
    counts.decided({ side: 'saga', reason: 'bucket', bucket: 3, version: 1 });
    await at(2_000);
    const { seconds, sides, decisions } = window.over(10_000);
    expect(seconds).toBe(2);
    expect(sides.saga).toMatchObject({ good: 20, rejected: 1, bad: 1, settledPerSecond: 10.5 });
    expect(sides.saga.latencyMs.p50).toBeGreaterThan(5);
    expect(sides.saga.latencyMs.p50).toBeLessThanOrEqual(7.5);
    expect(sides.saga.latencyMs.p99).toBeGreaterThan(1_000);
    expect(sides.legacy).toMatchObject({ good: 1, settledPerSecond: 0.5 });
    expect(decisions).toEqual(new Map([['saga bucket', 1]]));
  });

  test('has no rate before time has passed, and no latency when nothing was answered', async () => {
    const { window, at } = watched();
    expect(() => window.over(1)).toThrow('nothing was sampled');
    await at(0);
    expect(window.over(10_000).sides.legacy).toMatchObject({
      settledPerSecond: null,
      latencyMs: { p50: null, p95: null, p99: null },
    });
  });

  test('reaches back as far as it is asked to, and forgets what is older than it keeps', async () => {
    const { window, at, paid } = watched(4_000);
    for (let second = 0; second <= 10; second += 1) {
      await at(second * 1_000);
      paid(1);
    }
    expect(window.over(2_000)).toMatchObject({ seconds: 2, sides: { saga: { good: 2 } } });
    expect(window.over(60_000).seconds).toBe(4);
  });

  test('begins anew after a time in which nobody watched', async () => {
    const { window, at, paid } = watched();
    await at(0);
    paid(1_000);
    await at(30_000);
    paid(3);
    await at(31_000);
    expect(window.over(60_000)).toMatchObject({ seconds: 1, sides: { saga: { good: 3 } } });
  });

  test('payments in work are counted apart', async () => {
    const { metrics, counts } = watched();
    counts.inWork('saga', 1);
    counts.inWork('saga', 1);
    counts.inWork('legacy', 1);
    counts.inWork('saga', -1);
    expect(await inFlight(metrics)).toEqual({ legacy: 1, saga: 1 });
  });
});
