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

interface KpiRow {
  readonly id: string;
  readonly title: string;
  readonly target: string;
  readonly judge: (row: KpiRow, measured: Measured) => Kpi[];
}

const sagas = ['orchestration', 'choreography'];

/** Every promise of the migration, in its order. */
export const kpiRows: readonly KpiRow[] = [
  { id: 'throughput', title: 'Throughput', target: '5x', judge: improvement('settled/s', 5) },
  { id: 'transaction-time', title: 'Transaction time (sum over boundaries)', target: '1/5', judge: improvement('transaction time', 5) },
  { id: 'lock-hold', title: 'Lock hold (longest of a payment)', target: '1/4', judge: improvement('lock hold', 4) },
  { id: 'success', title: 'Success (paid or refused by rule)', target: '99.9 %', judge: share(0.999, (arm) => successes(arm)) },
  { id: 'recovery', title: 'Recovery after a killed worker', target: '30 min to 5 min', judge: recovery(300) },
  { id: 'consistency', title: 'Consistency', target: '99.99 %', judge: share(0.9999, (arm) => consistent(arm)) },
  { id: 'delivery', title: 'Delivery to the outside', target: '99.9 %', judge: share(0.999, (arm) => delivered(arm)) },
  { id: 'availability', title: 'Availability', target: '99.99 %', judge: share(0.9999, (arm) => available(arm)) },
  { id: 'coverage', title: 'Test coverage', target: '80 %', judge: elsewhere('NOT RUN', 'npm test enforces it: 80 % of lines and branches, every folder') },
  {
    id: 'independent-deployment',
    title: 'Domains deployed on their own',
    target: 'each domain',
    judge: elsewhere('NOT RUN', 'each choreography domain is a role of its own, but needs one schema; a database per domain was not run'),
  },
  { id: 'development-time', title: 'Development time of a feature', target: 'shorter', judge: elsewhere('not measurable by this tool', 'it takes people and months') },
];

export const judgeKpis = (measured: Measured): Kpi[] => kpiRows.flatMap((row) => row.judge(row, measured));

function improvement(metric: string, target: number): KpiRow['judge'] {
  const higherIsBetter = metrics.find((row) => row.name === metric)?.higherIsBetter ?? true;
  return ({ id, title, target: text }, { comparisons }) => {
    const rows = comparisons
      .filter((one) => one.metric === metric && sagas.includes(one.candidate) && (baselines as readonly string[]).includes(one.baseline))
      .map((one) => {
        const times = higherIsBetter ? one.ratio : 1 / one.ratio;
        const [low, high] = one.ci95 === null ? [null, null] : higherIsBetter ? one.ci95 : [1 / one.ci95[1], 1 / one.ci95[0]];
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
    return rows.length > 0 ? rows : [{ ...base(id, title, text), verdict: 'NOT RUN', note: 'needs a saga and a baseline in the same scenario' }];
  };
}

const noteOf = (rounds: number): string =>
  rounds < 2 ? 'one round has no interval' : rounds < roundsForVerdict ? `indicative: ${rounds} rounds` : `${rounds} rounds`;

function verdictOf(low: number | null, high: number | null, target: number): Kpi['verdict'] {
  if (low === null || high === null) return 'not enough evidence';
  return low >= target ? 'met' : high < target ? 'missed' : 'not enough evidence';
}

/** Of `examined`, this many were as they should be. */
interface Share {
  readonly examined: number;
  readonly good: number;
}

function share(target: number, of: (arm: ArmResult) => Share): KpiRow['judge'] {
  return ({ id, title, target: text }, { arms }) => {
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
          verdict: examined === 0 ? ('not enough evidence' as const) : verdictOf(low, high, target),
          note: `${bad} of ${examined} not`,
        };
      });
    return rows.length > 0 ? rows : [{ ...base(id, title, text), verdict: 'NOT RUN', note: 'no arm ran' }];
  };
}

const base = (id: string, title: string, target: string) =>
  ({ id, title, target, scenario: null, candidate: null, baseline: null, measured: null, unit: 'none', bound: null }) as const;

const total = (arm: ArmResult, of: (round: ArmResult['rounds'][number]) => number): number => arm.rounds.reduce((sum, round) => sum + of(round), 0);
const requests = (arm: ArmResult): number => total(arm, ({ outcomes }) => outcomes.paid + outcomes.refused + outcomes.failed + outcomes.unknown);

const successes = (arm: ArmResult): Share => ({ examined: requests(arm), good: total(arm, ({ outcomes }) => outcomes.paid + outcomes.refused) });

const available = (arm: ArmResult): Share => ({ examined: requests(arm), good: requests(arm) - total(arm, (round) => round.unavailable) });

const delivered = (arm: ArmResult): Share => {
  const examined = total(arm, (round) => round.delivery.expected);
  return { examined, good: Math.min(examined, total(arm, (round) => round.delivery.received)) };
};

const consistent = (arm: ArmResult): Share => {
  const examined = arm.verified ? arm.ordersVerified : 0;
  const bad = arm.violations + total(arm, (round) => round.consistency.violations);
  return { examined, good: Math.max(0, examined - bad) };
};

function recovery(limitSeconds: number): KpiRow['judge'] {
  return ({ id, title, target }, { drills }) =>
    drills.length === 0
      ? [{ ...base(id, title, target), verdict: 'NOT RUN', note: 'a full run has one drill' }]
      : drills.map((drill) => ({
          ...base(id, title, target),
          scenario: 'bare',
          candidate: drill.engine,
          measured: drill.secondsToZeroOpen,
          unit: 's' as const,
          verdict: drill.secondsToZeroOpen !== null && drill.secondsToZeroOpen <= limitSeconds ? ('met' as const) : ('missed' as const),
          note: `one drill: ${drill.openAtKill} sagas were open at kill -9`,
        }));
}

function elsewhere(verdict: Kpi['verdict'], note: string): KpiRow['judge'] {
  return ({ id, title, target }) => [{ ...base(id, title, target), verdict, note }];
}
