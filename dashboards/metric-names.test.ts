import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createMetrics, metricNames } from '../runtime/metrics.ts';
import { repository } from '../runtime/repository.ts';
import { dashboards } from './src/files.ts';
import { alertRules, benchRules, recordingRules } from './src/rules.ts';

/** Exported, and on purpose in no panel and no rule. */
const unused: Readonly<Record<string, string>> = {
  payment_accepted_total: 'only sagas are accepted before they are final: their starts, which are drawn',
  collect_requests_total: 'counts the sink of telemetry itself, for whoever looks after that',
  collect_items_total: 'counts the sink of telemetry itself, for whoever looks after that',
  payment_projection_age_seconds: 'of a list beside the payments, whose every answer says it too',
  payment_nightly_duration_seconds: 'one value a night: the page of the night draws it over the nights before',
  payment_nightly_examined_orders: 'one value a night: the page of the night shows it by engine',
  payment_nightly_violations: 'one value a night: that there are any is an alert, which ones are on its page',
  payment_nightly_proven_ratio: 'one value a night: the page of the night begins with it',
  business_events_total: 'counts the sink of telemetry itself, for whoever looks after that',
};

const rules = [recordingRules, alertRules, benchRules].flatMap(({ groups }) => groups.flatMap((group) => group.rules));
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...Object.values(dashboards).flatMap(({ sections }) =>
    sections.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.map(({ expr }) => expr))),
  ),
];

/** What is left of a PromQL expression when strings, matchers, ranges, label lists, functions and operators are taken away. */
function namesIn(expr: string): string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replace(/\b(by|without|on|ignoring) *\([^)]*\)/g, ' ');
  return [...bare.matchAll(/[a-zA-Z_:][\w:]*(?! *\()\b/g)]
    .map(([name]) => name)
    .filter((name) => !['and', 'or', 'unless', 'bool'].includes(name))
    .map((name) => name.replace(/_(bucket|sum|count)$/, ''));
}

const used = new Set(expressions.flatMap(namesIn));
const recorded = rules.flatMap((rule) => ('record' in rule ? [rule.record] : []));

describe('the names of metrics', () => {
  test('in panels and rules are those of metrics that exist', async () => {
    const exported = (await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name);
    const known = new Set([...exported, ...recorded, 'up']);
    expect([...used].filter((name) => !known.has(name))).toEqual([]);
    expect(used.size).toBeGreaterThan(30); // The expressions were read at all.
  });

  test('that are exported are used, or left out for a reason', () => {
    expect(Object.values(metricNames).filter((name) => !used.has(name) && !(name in unused))).toEqual([]);
    expect(
      Object.keys(unused).filter((name) => used.has(name) || !Object.values<string>(metricNames).includes(name)),
    ).toEqual([]);
  });

  test('in the documentation are those of metrics that exist', () => {
    const text = readFileSync(join(repository, 'docs/observability.md'), 'utf8');
    const named = [...text.matchAll(/`((?:payment|external|data_platform)_\w+)/g)]
      .map(([, name]) => name as string)
      .filter((name) => name !== 'external_event_log'); // a table
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !Object.values<string>(metricNames).includes(name))).toEqual([]);
  });

  test('are found in an expression whatever stands around them', () => {
    expect(
      namesIn(
        'max by (a) (rate(x_total{b="c_total"}[5m])) / on (d) (y:z > 0) or label_replace(vector(0), "e", "f", "", "") and w_bucket',
      ),
    ).toEqual(['x_total', 'y:z', 'w']);
  });
});
