import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { repository } from '../runtime/repository.ts';
import { type AlertCase, alertCases } from './alert-cases.ts';
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

/** Recorded first, then judged: with ten minutes between two evaluations the last but one is too old to be seen. */
const order = ['slo', 'side', 'slo-bench', 'alerts', 'alerts-bench'];
/** Those that judge recorded series need every rule; the others are quicker without. */
const batches = (['5s', '10m'] as const).flatMap((every) =>
  ([true, false] as const).map((recorded) => {
    const cases = alertCases.filter((one) => one.every === every && one.alert.includes('Burning') === recorded);
    const files = recorded ? ruleFiles : [fileOf('alerts')];
    return [`every ${every}, ${recorded ? 'with' : 'without'} recording rules`, every, files, cases] as const;
  }),
);

/** ALERTS, not the alert with its annotations: what they say may change, whether it fires may not. */
const promtoolTest = (every: string, files: readonly string[], cases: readonly AlertCase[]): object => ({
  rule_files: files.map((file) => join(repository, file)),
  evaluation_interval: every,
  group_eval_order: files === ruleFiles ? order : ['alerts'],
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

  withPromtool.each(batches)('fire when they should and only then: %s', (name, every, files, cases) => {
    const file = written(`${name}.yml`, promtoolTest(every, files, cases));
    const { status, stdout, stderr } = promtool('test', 'rules', file);
    expect({ status, said: `${stdout}${stderr}` }).toMatchObject({
      status: 0,
      said: expect.stringContaining('SUCCESS'),
    });
  });

  test('that alert each have a case that fires and one that is silent', () => {
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
