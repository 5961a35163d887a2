import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../runtime/metrics.ts';
import { engineMetrics } from './engine-metrics.ts';
import { addUp, difference, distributionMs, histogramOf, quantile, total } from './metrics.ts';
import { cpuMicrosOf, cpuMicrosOfFamily, cpuMicrosOfMachine, peakMemoryMb, visible } from './process-stat.ts';
import { parseSamples } from './prometheus-text.ts';

describe('reading metrics', () => {
  test('labels, escapes and infinities', () => {
    expect(
      parseSamples('# HELP a b\na{x="1",y="q\\"\\n"} 2\nb_bucket{le="+Inf"} 5\nc 1e3 1700000\n\nnot a sample'),
    ).toEqual([
      { name: 'a', labels: { x: '1', y: 'q"\n' }, value: 2 },
      { name: 'b_bucket', labels: { le: '+Inf' }, value: 5 },
      { name: 'c', labels: {}, value: 1_000 },
    ]);
  });

  test('what two processes counted is added up, and what was there before is taken off', async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    one.commits.inc(3);
    const before = addUp(parseSamples(await one.registry.metrics()));
    one.commits.inc(2);
    two.commits.inc(5);
    const after = addUp([...parseSamples(await one.registry.metrics()), ...parseSamples(await two.registry.metrics())]);
    expect(total(difference(after, before), 'payment_db_commits_total')).toBe(7);
  });

  test('engine figures come out under the names our processes use', async () => {
    const metrics = createMetrics();
    for (let i = 0; i < 20; i++) {
      metrics.lockWait.observe({ engine: 'legacy', lock: 'stock', kind: 'row' }, 0.001);
      metrics.lockHold.observe({ engine: 'legacy', lock: 'stock', kind: 'row' }, 0.02);
      metrics.txPerPayment.observe({ engine: 'legacy', figure: 'sum' }, 0.04);
      metrics.txPerPayment.observe({ engine: 'legacy', figure: 'longest' }, 0.03);
      metrics.lockHoldPerPayment.observe({ engine: 'legacy', figure: 'max' }, 0.02);
      metrics.lockHoldPerPayment.observe({ engine: 'legacy', figure: 'sum' }, 0.05);
    }
    metrics.batchSize.observe({ boundary: 'deductBalance' }, 16);
    metrics.batchStatement.observe({ boundary: 'deductBalance' }, 0.008);
    metrics.accepted.inc({ engine: 'legacy' }, 20);
    const measured = engineMetrics(addUp(parseSamples(await metrics.registry.metrics())));
    expect(measured.locks).toHaveLength(1);
    expect(measured.locks[0]?.holdMs).toMatchObject({ count: 20, p99: null });
    expect(measured.locks[0]?.holdMs.mean).toBeCloseTo(20, 6);
    expect(measured.locks[0]?.waitMs.mean).toBeCloseTo(1, 6);
    expect(measured.transactionMs[0]?.sumMs.mean).toBeCloseTo(40, 6);
    expect(measured.transactionMs[0]?.maxMs.mean).toBeCloseTo(30, 6);
    expect(measured.lockHoldPerPaymentMs[0]?.sumMs.mean).toBeCloseTo(50, 6);
    expect(measured.batches).toEqual([
      { boundary: 'deductBalance', batches: 1, meanSize: 16, statementMsPerPayment: 0.5 },
    ]);
    expect(measured.accepted).toBe(20);
  });
});

describe('quantiles from buckets', () => {
  const histogram = { count: 100, sum: 1, buckets: [[0.01, 50], [0.02, 90], [0.05, 99], [Infinity, 100]] as const }; // prettier-ignore

  test('lie on the line between the edges of their bucket', () => {
    expect(quantile(histogram, 0.5)).toBeCloseTo(0.01, 12);
    expect(quantile(histogram, 0.7)).toBeCloseTo(0.015, 12);
    expect(quantile(histogram, 0.25)).toBeCloseTo(0.005, 12);
  });

  test('beyond the last edge that edge is what can be said', () => {
    expect(quantile(histogram, 0.999)).toBe(0.05);
    expect(quantile({ count: 0, sum: 0, buckets: [] }, 0.5)).toBe(0);
  });

  test('nothing observed has no mean', () => {
    expect(distributionMs(histogramOf(new Map(), 'x', {}))).toEqual({ count: 0, mean: null, p50: null, p99: null });
  });
});

describe('processes', () => {
  test('CPU and memory of this process are seen, those of one that is not there are not', () => {
    const before = cpuMicrosOf(process.pid);
    const until = performance.now() + 60;
    while (performance.now() < until) Math.sqrt(2);
    expect(cpuMicrosOf(process.pid)).toBeGreaterThan(before);
    const own = cpuMicrosOf(process.pid);
    expect(cpuMicrosOfFamily(process.ppid)).toBeGreaterThanOrEqual(own);
    expect(cpuMicrosOfMachine()).toBeGreaterThan(0);
    expect(peakMemoryMb(process.pid)).toBeGreaterThan(10);
    expect(cpuMicrosOf(2 ** 22 + 1)).toBe(0);
    expect(peakMemoryMb(2 ** 22 + 1)).toBe(0);
    expect(visible(process.pid, /./)).toBe(process.pid);
    expect(visible(process.pid, /^postgres$/)).toBeNull();
  });
});
