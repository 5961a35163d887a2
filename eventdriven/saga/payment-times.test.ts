import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../runtime/metrics.ts';
import { paymentTimes } from './payment-times.ts';

const counted = async (metrics: ReturnType<typeof createMetrics>) => {
  const { values } = await metrics.txPerPayment.get();
  const of = (figure: string, name: string) =>
    values.find((v) => v.labels['figure'] === figure && v.metricName === `payment_tx_per_payment_seconds_${name}`)
      ?.value;
  return { sum: of('sum', 'sum'), longest: of('longest', 'sum'), count: of('sum', 'count') };
};

describe('the time one payment took', () => {
  test('is the sum over its boundaries, and the longest of them', async () => {
    const metrics = createMetrics();
    const times = paymentTimes(metrics, 'orchestration');
    times.add(1, 10, 4, 2);
    times.add(1, 30, 8, 1);
    times.final(1);
    const { sum, longest, count } = await counted(metrics);
    expect([sum, longest, count]).toEqual([0.04, 0.03, 1]);
    const { values } = await metrics.lockHoldPerPayment.get();
    const hold = values.filter((v) => v.metricName === 'payment_lock_hold_per_payment_seconds_sum').map((v) => v.value);
    expect(hold).toEqual([0.016, 0.008]);
  });

  test('is counted once, and not at all when it was forgotten or never known', async () => {
    const metrics = createMetrics();
    const times = paymentTimes(metrics, 'orchestration');
    times.add(1, 10, 4, 2);
    times.final(1);
    times.final(1);
    times.add(2, 10, 4, 2);
    times.forget(2);
    times.final(2);
    times.final(3);
    expect((await counted(metrics)).count).toBe(1);
  });

  test('of payments that end elsewhere does not fill the memory: the oldest are let go', async () => {
    const metrics = createMetrics();
    const times = paymentTimes(metrics, 'choreography');
    for (let saga = 0; saga <= 20_000; saga++) times.add(saga, 1, 1, 1);
    times.final(20_000);
    times.final(0);
    expect((await counted(metrics)).count).toBe(1);
  });
});
