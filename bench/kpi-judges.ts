import { baselines, metrics } from './comparisons.ts';
import type { ArmResult, Comparison, Drill, Kpi } from './result.ts';
import { disprovenShare, provenShare } from './statistics/proof-bound.ts';
import { roundsForVerdict } from './statistics/verdict.ts';

/** What a KPI is judged by: everything a run measured. */
export interface Measured {
  readonly arms: readonly ArmResult[];
  readonly comparisons: readonly Comparison[];
  readonly drills: readonly Drill[];
}

export interface KpiRow {
  readonly id: string;
  readonly title: string;
  readonly target: string;
  /** The target as a number, where it is a share. */
  readonly least?: number;
  readonly judge: (row: KpiRow, measured: Measured) => Kpi[];
}

const sagas = ['orchestration', 'choreography'];

/** So many times better than each baseline, whichever way the metric points. */
export function improvement(metric: string, target: number): KpiRow['judge'] {
  const higherIsBetter = metrics.find((row) => row.name === metric)?.higherIsBetter ?? true;
  return ({ id, title, target: text }, { comparisons }) => {
    const rows = comparisons
      .filter(
        (one) =>
          one.metric === metric &&
          sagas.includes(one.candidate) &&
          (baselines as readonly string[]).includes(one.baseline),
      )
      .map((one) => {
        const times = higherIsBetter ? one.ratio : 1 / one.ratio;
        const [low, high] =
          one.ci95 === null ? [null, null] : higherIsBetter ? one.ci95 : [1 / one.ci95[1], 1 / one.ci95[0]];
        return {
          ...base(id, title, text),
          scenario: one.scenario,
          candidate: one.candidate,
          baseline: one.baseline,
          measured: times,
          unit: 'x' as const,
          bound: low,
          verdict: verdictOf(low, high, target),
          note: noteOf(one.rounds),
        };
      });
    return rows.length > 0
      ? rows
      : [{ ...base(id, title, text), verdict: 'NOT RUN', note: 'needs a saga and a baseline in the same scenario' }];
  };
}

/** Below its limit every engine settles what an open loop offers; the ratio of two such rates says nothing about either. */
export const closedLoopOnly =
  (judge: KpiRow['judge']): KpiRow['judge'] =>
  (row, measured) =>
    measured.arms.some((arm) => arm.rounds.some((round) => round.offered !== null))
      ? [
          {
            ...base(row.id, row.title, row.target),
            verdict: 'NOT RUN',
            note: 'an open loop offers every engine the same rate: throughput takes a closed one',
          },
        ]
      : judge(row, measured);

const noteOf = (rounds: number): string =>
  rounds < 2
    ? 'one round has no interval'
    : rounds < roundsForVerdict
      ? `indicative: ${rounds} rounds`
      : `${rounds} rounds`;

function verdictOf(low: number | null, high: number | null, target: number): Kpi['verdict'] {
  if (low === null || high === null) return 'not enough evidence';
  return low >= target ? 'met' : high < target ? 'missed' : 'not enough evidence';
}

/** Of `examined`, this many were as they should be. */
interface Share {
  readonly examined: number;
  readonly good: number;
}

export function share(of: (arm: ArmResult) => Share): KpiRow['judge'] {
  return ({ id, title, target: text, least = 1 }, { arms }) => {
    const rows = arms
      .filter((arm) => !arm.control)
      .map((arm) => {
        const { examined, good } = of(arm);
        const bad = examined - good;
        const [low, high] = [provenShare(examined, bad), disprovenShare(examined, bad)];
        return {
          ...base(id, title, text),
          scenario: arm.scenario,
          candidate: arm.name,
          measured: examined === 0 ? null : (good / examined) * 100,
          unit: '%' as const,
          bound: examined === 0 ? null : low * 100,
          verdict: examined === 0 ? ('not enough evidence' as const) : verdictOf(low, high, least),
          note: `${bad} of ${examined} not`,
        };
      });
    return rows.length > 0 ? rows : [{ ...base(id, title, text), verdict: 'NOT RUN', note: 'no arm ran' }];
  };
}

const base = (id: string, title: string, target: string) =>
  ({
    id,
    title,
    target,
    scenario: null,
    candidate: null,
    baseline: null,
    measured: null,
    unit: 'none',
    bound: null,
  }) as const;

const total = (arm: ArmResult, of: (round: ArmResult['rounds'][number]) => number): number =>
  arm.rounds.reduce((sum, round) => sum + of(round), 0);
const requests = (arm: ArmResult): number =>
  total(arm, ({ outcomes }) => outcomes.paid + outcomes.refused + outcomes.failed + outcomes.unknown);

export const successes = (arm: ArmResult): Share => ({
  examined: requests(arm),
  good: total(arm, ({ outcomes }) => outcomes.paid + outcomes.refused),
});

export const available = (arm: ArmResult): Share => ({
  examined: requests(arm),
  good: requests(arm) - total(arm, (round) => round.unavailable),
});

export const delivered = (arm: ArmResult): Share => {
  const examined = total(arm, (round) => round.delivery.expected);
  return {
    examined,
    good: Math.min(
      examined,
      total(arm, (round) => round.delivery.received),
    ),
  };
};

export const consistent = (arm: ArmResult): Share => {
  const examined = arm.verified ? arm.ordersVerified : 0;
  const bad = arm.violations + total(arm, (round) => round.consistency.violations);
  return { examined, good: Math.max(0, examined - bad) };
};

export function recovery(limitSeconds: number): KpiRow['judge'] {
  return ({ id, title, target }, { drills }) =>
    drills.length === 0
      ? [{ ...base(id, title, target), verdict: 'NOT RUN', note: 'a full run has one drill' }]
      : drills.map((drill) => ({
          ...base(id, title, target),
          scenario: 'bare',
          candidate: drill.engine,
          measured: drill.secondsToZeroOpen,
          unit: 's' as const,
          verdict:
            drill.secondsToZeroOpen !== null && drill.secondsToZeroOpen <= limitSeconds
              ? ('met' as const)
              : ('missed' as const),
          note: `one drill: ${drill.openAtKill} sagas were open at kill -9`,
        }));
}

export function elsewhere(verdict: Kpi['verdict'], note: string): KpiRow['judge'] {
  return ({ id, title, target }) => [{ ...base(id, title, target), verdict, note }];
}
