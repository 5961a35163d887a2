import { expect, test } from '@jest/globals';
import { businessEvents, type BusinessEvents, type EventName } from '../../runtime/telemetry.ts';
import { resultOf } from '../../test/support/bench-result.ts';
import { createRunEvents } from './run-events.ts';

test('a run tells its start, each round, each verdict and its end, with every attribute of the table', () => {
  const told: { name: EventName; attributes: Record<string, unknown> }[] = [];
  const record: BusinessEvents['push'] = (name, attributes) => {
    told.push({ name, attributes });
  };
  const events = createRunEvents({ push: record, flush: async () => undefined, stop: async () => undefined }, 'run-1');
  const result = resultOf();
  const [arm] = result.arms;
  const [round] = arm?.rounds ?? [];
  if (arm === undefined || round === undefined) throw new Error('no round');
  events.started(result);
  events.roundStarted('bare', 'legacy', 1);
  events.roundFinished(arm, { ...round, settledPerSecond: 123.456789, latencyMs: { ...round.latencyMs, p99: null } });
  events.finished(result);

  expect(told.map(({ name }) => name)).toEqual([
    'run.started',
    'round.started',
    'round.finished',
    ...result.comparisons.map(() => 'verdict'),
    'run.finished',
  ]);
  for (const { name, attributes } of told) {
    expect(Object.keys(attributes)).toEqual(businessEvents[name]);
    expect(attributes['run']).toBe('run-1');
  }
  expect(result.comparisons.length).toBeGreaterThan(0);
  expect(told[2]?.attributes).toMatchObject({ engine: arm.engine, settledPerSecond: 123.457, p99Ms: null });
  expect(told.at(-1)?.attributes).toMatchObject({ state: result.run.state, violations: 0 });
});
