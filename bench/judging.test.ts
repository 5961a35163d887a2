import { describe, expect, test } from '@jest/globals';
import { armOf, resultOf, roundOf } from '../test/support/bench-result.ts';
import { compareArms } from './comparisons.ts';
import { guardStatements } from './guard.ts';
import { judgeKpis, kpiRows } from './kpi.ts';
import type { Kpi } from './result.ts';
import { conclude, exitCodeOf } from './run/conclude.ts';
import { resultTable, troubles } from './terminal/result-table.ts';

const kpi = (kpis: readonly Kpi[], id: string, candidate: string | null = null, baseline: string | null = null) =>
  kpis.filter((one) => one.id === id && one.candidate === candidate && one.baseline === baseline);

describe('comparisons', () => {
  test('every engine is compared with both baselines, the lean one with the monolith too', () => {
    const found = resultOf().comparisons.filter((one) => one.metric === 'settled/s');
    expect(found.map((one) => `${one.candidate}/${one.baseline}`)).toEqual([
      'legacy-lean/legacy',
      'orchestration/legacy',
      'orchestration/legacy-lean',
    ]);
    expect(found[1]?.ratio).toBeCloseTo(8.1, 1);
    expect(found[1]?.verdict).toBe('indicative');
  });

  test('a round that does not count is in no comparison', () => {
    const bad = armOf('orchestration', [800, 900]);
    bad.rounds[1] = roundOf(2, 90_000, { valid: false });
    const [one] = compareArms([armOf('legacy', [100, 100]), bad], 1);
    expect(one).toMatchObject({ rounds: 1, verdict: 'none', ci95: null, p: null });
  });

  test('with an A/A arm over enough rounds there are verdicts, and for times less is faster', () => {
    const rates = (mean: number) => Array.from({ length: 10 }, (_, i) => mean * (i % 2 ? 1.02 : 0.98));
    const control = armOf('legacy-lean', rates(1_005), { name: 'legacy-lean (A/A)', control: true });
    const arms = [
      armOf('legacy', rates(100)),
      armOf('legacy-lean', rates(1_000)),
      armOf('orchestration', rates(600)),
      control,
    ];
    const found = compareArms(arms, 1);
    const verdict = (metric: string, baseline: string) =>
      found.find((one) => one.metric === metric && one.baseline === baseline && one.candidate === 'orchestration')
        ?.verdict;
    expect(verdict('settled/s', 'legacy')).toBe('faster');
    expect(verdict('settled/s', 'legacy-lean')).toBe('slower');
    expect(verdict('lock hold', 'legacy')).toBe('faster');
    expect(verdict('CPU per payment', 'legacy')).toBe('equivalent');
    expect(found.some((one) => one.candidate.includes('A/A'))).toBe(false);
  });
});

describe('KPIs', () => {
  test('every promise has a row, whatever ran', () => {
    const ids = new Set(judgeKpis({ arms: [], comparisons: [], drills: [] }).map((one) => one.id));
    expect([...ids]).toEqual(kpiRows.map((row) => row.id));
  });

  test('throughput is met when even the lower end of the interval reaches five', () => {
    const { kpis } = resultOf();
    expect(kpi(kpis, 'throughput', 'orchestration', 'legacy')).toMatchObject([
      { verdict: 'met', note: 'indicative: 3 rounds', scenario: 'bare' },
    ]);
    expect(kpi(kpis, 'throughput', 'orchestration', 'legacy-lean')).toMatchObject([{ verdict: 'missed' }]);
  });

  test('one round is not enough evidence', () => {
    const { kpis } = resultOf([armOf('legacy', [100]), armOf('orchestration', [900])]);
    const [row] = kpi(kpis, 'throughput', 'orchestration', 'legacy');
    expect(row).toMatchObject({ verdict: 'not enough evidence', bound: null });
    expect(row?.measured).toBeCloseTo(9, 9);
  });

  test('no failure among too few orders proves too little for 99.99 %', () => {
    const { kpis } = resultOf();
    const [row] = kpi(kpis, 'consistency', 'orchestration');
    expect(row).toMatchObject({ measured: 100, verdict: 'not enough evidence' });
    expect(row?.bound).toBeCloseTo(99.975, 3);
    const many = resultOf([armOf('orchestration', [800], { ordersVerified: 40_000 })]);
    expect(kpi(many.kpis, 'consistency', 'orchestration')).toMatchObject([{ verdict: 'met' }]);
  });

  test('violations, lost deliveries and unanswered requests miss their targets', () => {
    const round = roundOf(1, 1_000, {
      outcomes: { paid: 3_900, refused: 0, failed: 60, unknown: 40 },
      unavailable: 90,
      delivery: { expected: 3_900, received: 3_800 },
    });
    const { kpis } = resultOf([armOf('legacy', [], { rounds: [round], violations: 50 })]);
    for (const id of ['success', 'consistency', 'delivery', 'availability'])
      expect(kpi(kpis, id, 'legacy')).toMatchObject([{ verdict: 'missed' }]);
  });

  test('recovery is judged by the drill, and NOT RUN without one', () => {
    expect(kpi(resultOf().kpis, 'recovery')).toMatchObject([{ verdict: 'NOT RUN' }]);
    const drill = {
      engine: 'orchestration',
      killedAfterSeconds: 3,
      openAtKill: 60,
      replacementReadySeconds: 1.5,
      secondsToZeroOpen: 4,
      violations: 0,
      findings: [],
    };
    expect(kpi(resultOf(undefined, { drills: [drill] }).kpis, 'recovery', 'orchestration')).toMatchObject([
      { verdict: 'met', measured: 4 },
    ]);
    expect(
      kpi(resultOf(undefined, { drills: [{ ...drill, secondsToZeroOpen: null }] }).kpis, 'recovery', 'orchestration'),
    ).toMatchObject([{ verdict: 'missed' }]);
  });
});

describe('statement-time guard', () => {
  const withBatch = (
    number: number,
    meanSize: number,
    statementMsPerPayment: number,
    postgresMicros: number | null,
    noisy = false,
  ) => {
    const batches = [{ boundary: 'deductBalance', batches: 100, meanSize, statementMsPerPayment }];
    const round = roundOf(number, 800, { noisy, batches });
    return { ...round, cost: { ...round.cost, cpuMicros: { ...round.cost.cpuMicros, postgres: postgresMicros } } };
  };
  const guard = (...rounds: ReturnType<typeof roundOf>[]) =>
    guardStatements([armOf('orchestration', [], { rounds })], resultOf().scenarios);

  test('a statement that takes three times as long in the last round, in time and in CPU, fails the run', () => {
    const rounds = [withBatch(1, 10, 0.1, 300), withBatch(2, 10, 0.2, 600), withBatch(3, 10, 0.3, 900)];
    expect(guard(...rounds)).toMatchObject([{ degraded: true, boundary: 'deductBalance' }]);
  });

  test('one that only waited for a busy CPU does not', () => {
    expect(guard(withBatch(1, 10, 0.1, 300), withBatch(2, 10, 0.4, 330))).toMatchObject([{ degraded: false }]);
  });

  test('where the CPU of Postgres can not be seen, time alone tells', () => {
    const blind = (number: number, perPaymentMs: number) => withBatch(number, 10, perPaymentMs, null);
    expect(guard(blind(1, 0.1), blind(2, 0.4))).toMatchObject([{ degraded: true, cpuRatio: null }]);
    expect(guard(blind(1, 0.1), blind(2, 0.12))).toMatchObject([{ degraded: false, cpuRatio: null }]);
  });

  test('smaller batches cost more per payment: that is no degradation', () => {
    expect(guard(withBatch(1, 30, 0.06, 300), withBatch(2, 3, 0.24, 900))).toMatchObject([{ degraded: false }]);
  });

  test('noisy rounds and single rounds say nothing', () => {
    expect(guard(withBatch(1, 10, 0.1, 300), withBatch(2, 10, 0.9, 3_000, true))).toEqual([]);
    expect(guard(withBatch(1, 10, 0.1, 300))).toEqual([]);
  });
});

describe('the end of a run', () => {
  test('exit codes: ok, violated, guard, not valid', () => {
    expect(exitCodeOf(resultOf())).toBe(0);
    expect(exitCodeOf(resultOf([armOf('legacy', [100], { violations: 1 })]))).toBe(1);
    const degraded = {
      scenario: 'bare',
      arm: 'orchestration',
      boundary: 'deductBalance',
      firstMs: 0.1,
      lastMs: 0.5,
      ratio: 5,
      cpuRatio: 4,
      degraded: true,
    };
    expect(exitCodeOf(resultOf(undefined, { guard: [degraded] }))).toBe(1);
    expect(exitCodeOf(resultOf([armOf('legacy', [100], { verified: false })]))).toBe(3);
    expect(exitCodeOf(resultOf([armOf('legacy', [], { rounds: [roundOf(1, 100, { valid: false })] })]))).toBe(3);
    const missing = resultOf();
    missing.arms.pop();
    expect(exitCodeOf(missing)).toBe(3);
    const interrupted = resultOf();
    interrupted.run.state = 'interrupted';
    expect(exitCodeOf(interrupted)).toBe(3);
  });

  test('what makes a run doubtful is said', () => {
    const result = resultOf([
      armOf('legacy', [100, 400]),
      armOf('legacy-lean', [], { rounds: [roundOf(1, 100, { noisy: true, memoryMb: { router: 500, worker: 0 } })] }),
    ]);
    conclude(result);
    expect(result.validity).toMatchObject({ noisy: true, unsteady: true });
    expect(result.validity.reasons.join('\n')).toMatch(/1 of 3 rounds.*\n.*legacy: rounds differ.*\n.*500 MB/);
    expect(result.notRun.map((one) => one.stage)).toEqual(
      expect.arrayContaining(['scenario zipf', 'contention sweep']),
    );
  });

  test('the table has a line per engine and scenario, and names what was violated', () => {
    const result = resultOf([
      armOf('legacy', [100, 100]),
      armOf('orchestration', [900, 900], {
        invariants: [
          { code: 'B1', title: 'A balance is the sum of its ledger.', examined: 5, violations: 2, sample: ['user 3'] },
        ],
        violations: 2,
      }),
      armOf('choreography', [], { verified: false }),
    ]);
    const lines = resultTable(result).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[2]).toMatch(/^bare\s+orchestration\s+900\s+9.00\s+-.*\s2\s+indicative, against legacy$/);
    expect(lines[3]).toMatch(/none counts.*not verified/);
    result.drills.push({
      engine: 'orchestration',
      killedAfterSeconds: 3,
      openAtKill: 5,
      replacementReadySeconds: 1,
      secondsToZeroOpen: 4,
      violations: 1,
      findings: [{ code: 'G6', title: 'No saga is open.', violations: 1, sample: ['saga 9'] }],
    });
    expect(troubles(result).join('\n')).toMatch(
      /VIOLATED B1 in bare, orchestration.*user 3.*\nVIOLATED G6 in the recovery drill.*saga 9/,
    );
  });
});
