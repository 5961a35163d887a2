import { describe, expect, test } from '@jest/globals';
import { createMetrics, durationBuckets, metricNames } from './metrics.ts';

describe('the metrics', () => {
  test('keep to the naming rules: prefix, base unit, _total on counters only, help', async () => {
    const { registry } = createMetrics();
    const own = (await registry.getMetricsAsJSON()).filter((metric) =>
      /^(payment|external|data_platform)_/.test(metric.name),
    );
    expect(own.length).toBeGreaterThan(30);
    for (const { name, help, type } of own) {
      expect(help).not.toBe('');
      expect(name).not.toMatch(/milliseconds|_ms\b/);
      expect(`${name} ${name.endsWith('_total')}`).toBe(`${name} ${String(type) === 'counter'}`);
    }
  });

  test('have the limits that are judged by as bucket edges, in rising order', () => {
    expect(durationBuckets).toEqual([...durationBuckets].sort((a, b) => a - b));
    for (const edge of [0.0005, 0.005, 0.5, 1, 2, 3, 5, 8, 10, 30]) expect(durationBuckets).toContain(edge);
  });

  test('are named for those who ask Prometheus', () => {
    expect(metricNames.requests).toBe('payment_requests_total');
  });

  test('say nothing of what this process never measured', async () => {
    const { registry, outboxUnpublished } = createMetrics();
    expect(await registry.metrics()).not.toMatch(/^payment_outbox_unpublished /m);
    outboxUnpublished.set(0);
    expect(await registry.metrics()).toMatch(/^payment_outbox_unpublished 0$/m);
  });

  test('count apart in two registries of one process', async () => {
    const [a, b] = [createMetrics(), createMetrics()];
    a.requests.inc({ side: 'saga', engine: 'orchestration', outcome: 'good' });
    a.batchSize.observe({ boundary: 'validateOrder' }, 3);
    a.sagaState.set({ status: 'RUNNING' }, 2);
    expect(await a.registry.metrics()).toContain(
      'payment_requests_total{side="saga",engine="orchestration",outcome="good"} 1',
    );
    expect(await b.registry.metrics()).not.toContain('outcome="good"} 1');
  });
});
