import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { repository } from '../runtime/repository.ts';
import { alertCases } from './alert-cases.ts';
import { dashboards } from './src/files.ts';
import { alertRules, benchRules } from './src/rules.ts';

/** Comes with Prometheus. `.ci/run` installs it. Elsewhere a machine may do without; CI may not. */
const promtool = (...args: string[]) => spawnSync('promtool', args, { cwd: repository, encoding: 'utf8' });
const available = promtool('--version').status === 0;
const withPromtool = available ? test : test.failing;

const dir = mkdtempSync(join(tmpdir(), 'rules-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

const written = (name: string, content: object): string => {
  const file = join(dir, name);
  writeFileSync(file, stringify(content));
  return file;
};
const fileOf = (name: string): string => `dashboards/prometheus/rules/${name}.yml`;
const ruleFiles = ['recording', 'alerts', 'bench/bench'].map(fileOf);
const alerts = [alertRules, benchRules].flatMap(({ groups }) =>
  groups.flatMap(({ rules }) => rules.flatMap((rule) => ('alert' in rule ? [rule] : []))),
);

/** Each alert with the rules that it needs, and no more: promtool evaluates all it is given, again and again. */
const needed = [
  { what: 'of a run', names: /InBench$/, files: ['bench/bench'], order: ['slo-bench', 'alerts-bench'] },
  { what: 'of a month', names: /Burning(Fast)?$/, files: ['recording', 'alerts'], order: ['slo', 'side', 'alerts'] },
  { what: 'of the moment', names: /(?<!Burning|BurningFast|InBench)$/, files: ['alerts'], order: ['alerts'] },
] as const;
const batches = needed.flatMap((rules) =>
  (['5s', '1h'] as const).flatMap((every) => {
    const cases = alertCases.filter((one) => one.every === every && rules.names.test(one.alert));
    return cases.length === 0 ? [] : [{ name: `${rules.what}, every ${every}`, ...rules, every, cases }];
  }),
);

/** ALERTS, not the alert with its annotations: what they say may change, whether it fires may not. */
const promtoolTest = ({ every, files, order, cases }: (typeof batches)[number]): object => ({
  rule_files: files.map((name) => join(repository, fileOf(name))),
  evaluation_interval: every,
  group_eval_order: order, // recorded first, then judged: an hour later it would be too old to be seen
  tests: cases
    .flatMap(({ alert, at, firing, silent }) => [
      ...firing.map((input) => ({ alert, at, input, value: 1 })),
      ...silent.map((input) => ({ alert, at, input, value: undefined })),
    ])
    .map(({ alert, at, input, value }) => ({
      interval: every,
      name: `${alert}${value === undefined ? ' is silent' : ' fires'}`,
      input_series: Object.entries(input).map(([series, values]) => ({ series, values })),
      promql_expr_test: [
        {
          expr: `max by (alertname) (ALERTS{alertname="${alert}", alertstate="firing"})`,
          eval_time: at,
          exp_samples: value === undefined ? [] : [{ labels: `{alertname="${alert}"}`, value }],
        },
      ],
    })),
});

describe('the rules of Prometheus', () => {
  test('can be checked where CI runs', () => {
    expect(available || process.env['CI'] !== 'true').toBe(true);
  });

  withPromtool('and its configuration are well-formed', () => {
    expect(promtool('check', 'config', 'dashboards/prometheus/prometheus.yml')).toMatchObject({ status: 0 });
    expect(promtool('check', 'rules', '--lint-fatal', ...ruleFiles)).toMatchObject({ status: 0 });
  });

  withPromtool('and every query of a panel are PromQL', () => {
    const rules = Object.values(dashboards).flatMap(({ sections }) =>
      sections.flatMap(({ panels }) =>
        panels.flatMap(({ queries }) =>
          queries.map(({ expr }, i) => ({
            record: `panel:query_${i}`,
            expr: expr.replaceAll('$__rate_interval', '20s').replaceAll('$__range', '30m'),
          })),
        ),
      ),
    );
    const { status, stderr } = promtool(
      'check',
      'rules',
      '--lint=none',
      written('panels.yml', { groups: [{ name: 'panels', rules }] }),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  withPromtool.each(batches)('fire when they should and only then: $name', (batch) => {
    const { status, stdout, stderr } = promtool('test', 'rules', written(`${batch.name}.yml`, promtoolTest(batch)));
    expect({ status, said: `${stdout}${stderr}` }).toMatchObject({
      status: 0,
      said: expect.stringContaining('SUCCESS'),
    });
  });

  test('that alert each have a case that fires and one that is silent', () => {
    expect(batches.flatMap(({ cases }) => cases)).toHaveLength(alertCases.length);
    expect(alertCases.map(({ alert }) => alert).sort()).toEqual(alerts.map(({ alert }) => alert).sort());
    for (const { firing, silent } of alertCases) expect(Math.min(firing.length, silent.length)).toBeGreaterThan(0);
  });

  test('that alert say what to do in a section of their own', () => {
    const sections = [...readFileSync(join(repository, 'docs/observability.md'), 'utf8').matchAll(/^### (\w+)$/gm)].map(
      ([, name]) => (name as string).toLowerCase(),
    );
    for (const { annotations, labels } of alerts) {
      expect(annotations.summary).not.toBe('');
      expect(annotations.description).toMatch(/\.$/);
      expect(['page', 'ticket']).toContain(labels['severity']);
      const [file, section] = annotations.runbook.split('#');
      expect(file).toBe('docs/observability.md');
      expect(sections).toContain(section);
    }
  });
});
