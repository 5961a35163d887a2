import { describe, expect, test } from '@jest/globals';
import { chaosResultOf, costOfOne, survivedFault } from '../../../test/support/chaos-result.ts';
import { noFigures } from '../figures/figures.ts';
import { renderChaosReport } from './chaos-report.ts';
import { chartsOfFaults } from './fault-charts.ts';

const other = { ...survivedFault, style: 'choreography' } as const;
const textOf = (page: string): string =>
  page
    .replaceAll(/<(script|style)[^]*?<\/\1>/g, ' ')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');

describe('the report of faults', () => {
  test('is one file that fetches nothing, and says what was survived and what that proves', () => {
    const page = renderChaosReport(chaosResultOf([survivedFault, other]));
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/(src|href)="https?:|@import|url\(/);
    const text = textOf(page);
    expect(text).toMatch(/All 2 faults were survived: of 2 000 payments none was lost, done twice or left open\./);
    expect(text).toMatch(/1 000 of 1 000 orders are consistent, which proves at least 99\.700 % with 95 % confidence/);
    expect(text).toMatch(
      /worker-kill SIGKILL of the worker It is in Postgres\. orchestration 12 1\.9 2\.1 3\.2 3\.1 5 0 survived/,
    );
    expect(text).toMatch(/Some CPU, 2 cores/);
    expect(text).toMatch(/Command npm run bench -- chaos --seed 9/);
  });

  test('a violation, a missed goal and a fault that hit nothing stand out; what did not run says why', () => {
    const broken = { code: 'B5', title: 'Balances add up.', violations: 3, sample: ['order <1>'] };
    const page = renderChaosReport(
      chaosResultOf(
        [
          { ...survivedFault, violations: [broken], failures: ['VIOLATED B5'] },
          { ...other, p99Seconds: 9 },
          { ...other, fault: 'redis-flush', openAtInjection: 0, failures: ['not injected'], timeline: null },
        ],
        {
          notRun: [{ fault: 'postgres-restart', style: 'choreography', why: 'DATABASE_URL names a server' }],
          planned: 7,
          troubles: ['the run was interrupted'],
        },
        'interrupted',
      ),
    );
    expect(page).toMatch(/order &lt;1&gt;/);
    const text = textOf(page);
    expect(text).toMatch(/Of 3 faults 1 not survived, 1 not injected: no saga was open when they came\./);
    expect(text).toMatch(/worker-kill, orchestration : VIOLATED B5/);
    expect(text).toMatch(/survived goal missed/);
    expect(text).toMatch(/redis-flush .* not injected/);
    expect(text).toMatch(/postgres-restart choreography DATABASE_URL names a server NOT RUN/);
    expect(text).toMatch(/3 more faults of the plan: the run ended before they came/);
    expect(text).toMatch(/the run was interrupted/);
  });

  test('a run in which nothing came still has a page, whatever was known by then', () => {
    const empty = chaosResultOf([], { planned: 3, environment: null, servers: { postgres: '', redis: '' } }, 'failed');
    const text = textOf(renderChaosReport({ ...empty, run: { ...empty.run, quick: true, sabotage: 'receipts-off' } }));
    expect(text).toMatch(/No fault was injected: this run says nothing/);
    expect(text).toMatch(/Postgres: not started/);
    expect(text).toMatch(/sabotaged on purpose: receipts-off/);
    expect(text).toMatch(/Faults that are not of a quick run/);
  });
});

describe('its goals', () => {
  test('stand with what was measured; a run that asked for no fault shows none', () => {
    const cost = [{ ...costOfOne, redisCommands: 41, violations: ['B5: 1 times, e.g. user <3>'] }];
    const page = renderChaosReport(chaosResultOf([], { planned: 0, figures: { ...noFigures, cost } }));
    expect(page).toMatch(/VIOLATED B5: 1 times, e\.g\. user &lt;3&gt; \(orchestration\)/);
    const text = textOf(page);
    expect(text).toMatch(/No fault was asked for: the goals below say what was measured\./);
    expect(text).toMatch(/Redis commands 40 at most in orchestration 41\.0 orchestration missed/);
    expect(text).toMatch(/memory of Redis over 200000 payments flat within 10 % – NOT RUN/);
    expect(text).not.toMatch(/faults survived|Recovery/);
  });
});

describe('its charts', () => {
  test('have both styles in one, on one time, and shade each until it had recovered', () => {
    const never = {
      ...{ ...other, restoredSeconds: null },
      timeline: { stepSeconds: 0.25, fromSeconds: -0.5, finalPerSecond: [100, 100, 0], open: [1, 2, 3] },
    };
    const [rate, open] = chartsOfFaults(chaosResultOf([survivedFault, never]));
    expect(rate?.series.map(({ label }) => label)).toEqual(['orchestration', 'choreography']);
    expect(rate?.data[0]?.[0]).toBe(-3);
    expect(rate?.data[0]).toHaveLength(40);
    expect(rate?.data[2]?.slice(9, 14)).toEqual([null, 100, 100, 0, null]);
    expect(rate?.bands?.map(({ from, to }) => [from, to])).toEqual([
      [0, 2.1],
      [0, 6.75],
    ]);
    expect(open?.bands?.map(({ to }) => to)).toEqual([3.2, 3.2]);
  });
});
