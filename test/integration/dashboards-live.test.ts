import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import { dashboards } from '../../dashboards/src/files.ts';
import { alertRules, benchRules, recordingRules } from '../../dashboards/src/rules.ts';
import { findPrometheus } from '../../runtime/services/prometheus-server.ts';
import { type ObservedStack, startObservedStack } from '../support/observed-stack.ts';
import { isFinite, queryRange } from '../support/prometheus-api.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

/** `.ci/run` installs it. Elsewhere a machine may do without; CI may not. */
const available = findPrometheus() !== undefined;
const withPrometheus = available ? test : test.failing;

let db: FreshDatabase;
let stack: ObservedStack | undefined;
beforeAll(async () => {
  db = await freshDatabase();
  if (available) stack = await startObservedStack(db, 2_000);
}, 60_000);
afterAll(async () => {
  await stack?.stop();
  await db.drop();
}, 30_000);

const observed = (): ObservedStack => {
  if (stack === undefined) throw new Error('no Prometheus');
  return stack;
};

const asked = (expr: string): string => expr.replaceAll('$__rate_interval', '5s').replaceAll('$__range', '2m');

/** Name and query of everything that a person may look at. */
const everything: readonly (readonly [name: string, query: string])[] = [
  ...Object.values(dashboards).flatMap(({ title, sections }) =>
    sections.flatMap(({ panels }) =>
      panels.flatMap((panel) =>
        panel.queries.map(({ expr, legend }) => [`${title} / ${panel.title} / ${legend}`, asked(expr)] as const),
      ),
    ),
  ),
  ...[recordingRules, benchRules].flatMap(({ groups }) =>
    groups.flatMap(({ rules }) =>
      rules.flatMap((rule) => {
        if (!('record' in rule)) return [];
        const slo = rule.labels?.['slo'];
        const query = slo === undefined ? rule.record : `${rule.record}{slo="${slo}"}`;
        return [[query, query] as const];
      }),
    ),
  ),
];

/** Asks until every query has drawn something, and returns what has not at the deadline. */
async function withoutData(url: string, queries: typeof everything, limitMs: number): Promise<string[]> {
  let left = queries;
  for (const until = performance.now() + limitMs; ;) {
    const answers = await Promise.all(left.map(async ([, query]) => isFinite(await queryRange(url, query))));
    left = left.filter((_, i) => answers[i] !== true);
    if (left.length === 0 || performance.now() > until) return left.map(([name]) => name);
    await sleep(250);
  }
}

describe('the dashboards over a stack that works', () => {
  test('have a Prometheus where CI runs', () => {
    expect(available || process.env['CI'] !== 'true').toBe(true);
  });

  withPrometheus(
    'draw something in every panel and record something by every rule',
    async () => {
      const { prometheus, drive, setRollout } = observed();
      const targets = ['router', 'worker', 'data-platform'].map((job) => [job, `up{job="${job}"} == 1`] as const);
      expect(await withoutData(prometheus, targets, 15_000)).toEqual([]);

      await setRollout({ enabled: true, percentage: 100 });
      const ended = new AbortController();
      const driving = drive(30, ended.signal);
      expect(
        await withoutData(prometheus, [['traffic', 'sum(rate(payment_requests_total{side="saga"}[5s])) > 0']], 15_000),
      ).toEqual([]);
      await verify(db.url, { mode: 'live', record: true });
      const empty = await withoutData(prometheus, everything, 25_000);

      await setRollout({ emergency: true });
      const rolledBack = [
        ['emergency', 'payment_router_emergency_active == 1'],
        ['the reason', 'sum(rate(payment_router_decisions_total{side="legacy", reason="emergency"}[5s])) > 0'],
        ['no start', 'sum(rate(payment_saga_started_total[3s])) == 0'],
      ] as const;
      const notRolledBack = await withoutData(prometheus, rolledBack, 15_000);
      ended.abort();
      await driving;
      expect(empty).toEqual([]);
      expect(notRolledBack).toEqual([]);
    },
    90_000,
  );

  withPrometheus('load every rule, and none of them fails', async () => {
    const response = await fetch(`${observed().prometheus}/api/v1/rules`);
    const { data } = (await response.json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    const rules = data.groups.flatMap((group) => group.rules);
    const written = [recordingRules, alertRules, benchRules].flatMap(({ groups }) => groups.flatMap((g) => g.rules));
    expect(rules).toHaveLength(written.length);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });
});
