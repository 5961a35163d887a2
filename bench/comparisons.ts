import { randomOf } from './dataset/random.ts';
import { type ArmResult, type Comparison, type RoundResult, validRounds } from './result.ts';
import { bootstrapInterval, type Interval } from './statistics/bootstrap.ts';
import { geometricMean, pairedRatios } from './statistics/paired-ratios.ts';
import { signFlipP } from './statistics/sign-flip.ts';
import { roundsForVerdict, verdictOf } from './statistics/verdict.ts';

export interface MetricRow {
  readonly name: string;
  readonly higherIsBetter: boolean;
  readonly of: (round: RoundResult) => number | null;
}

/** What is compared, declared before the run. All of it per round; the first decides the headline. */
export const metrics: readonly MetricRow[] = [
  { name: 'settled/s', higherIsBetter: true, of: (round) => round.settledPerSecond },
  { name: 'transaction time', higherIsBetter: false, of: (round) => meanOf(round.transactionMs, 'sumMs') },
  { name: 'longest transaction', higherIsBetter: false, of: (round) => meanOf(round.transactionMs, 'maxMs') },
  { name: 'lock hold', higherIsBetter: false, of: (round) => meanOf(round.lockHoldPerPaymentMs, 'maxMs') },
  { name: 'latency p50', higherIsBetter: false, of: (round) => round.latencyMs.p50 },
  { name: 'latency p99', higherIsBetter: false, of: (round) => round.latencyMs.p99 },
  { name: 'CPU per payment', higherIsBetter: false, of: (round) => round.cost.cpuMicrosTotal },
  { name: 'WAL per payment', higherIsBetter: false, of: (round) => round.cost.walBytes },
];

export const baselines = ['legacy', 'legacy-lean'] as const;

/** Weighted by payments, over the engines of the arm. */
function meanOf(rows: RoundResult['transactionMs'], which: 'sumMs' | 'maxMs'): number | null {
  const count = rows.reduce((sum, row) => sum + row[which].count, 0);
  if (count === 0) return null;
  return rows.reduce((sum, row) => sum + (row[which].mean ?? 0) * row[which].count, 0) / count;
}

/** Every engine of every scenario against each baseline of the same scenario, paired by round. */
export function compareArms(arms: readonly ArmResult[], seed: number): Comparison[] {
  const scenarios = [...new Set(arms.map((arm) => arm.scenario))];
  return scenarios.flatMap((scenario) => {
    const here = arms.filter((arm) => arm.scenario === scenario);
    return baselines.flatMap((name) => {
      const baseline = here.find((arm) => arm.name === name);
      const candidates = here.filter((arm) => arm.name !== name && !arm.control && !(arm.name === 'legacy'));
      return baseline === undefined
        ? []
        : candidates.flatMap((candidate) => compareWith(baseline, candidate, here, seed));
    });
  });
}

const compareWith = (
  baseline: ArmResult,
  candidate: ArmResult,
  here: readonly ArmResult[],
  seed: number,
): Comparison[] =>
  metrics.flatMap((metric, i) => {
    const random = randomOf(seed, i + 1);
    const ratios = pairedRatios(seriesOf(candidate, metric), seriesOf(baseline, metric));
    if (ratios.length === 0) return [];
    const interval = bootstrapInterval(ratios, random);
    const control = controlOf(here, metric, random);
    const p = ratios.length < 2 ? null : signFlipP(ratios, random);
    // The verdict's "faster" is "better": times are turned over.
    const better = metric.higherIsBetter ? ratios : ratios.map((ratio) => 1 / ratio);
    const betterInterval =
      interval === null || metric.higherIsBetter ? interval : ([1 / interval[1], 1 / interval[0]] as const);
    return {
      scenario: candidate.scenario,
      metric: metric.name,
      baseline: baseline.name,
      candidate: candidate.name,
      rounds: ratios.length,
      ratio: geometricMean(ratios),
      ci95: pair(interval),
      p,
      control: pair(control),
      verdict: verdictOf({ ratios: better, interval: betterInterval, p: p ?? 1, control }),
    };
  });

const seriesOf = (arm: ArmResult, metric: MetricRow): Map<number, number> =>
  new Map(
    validRounds(arm).flatMap((round) => {
      const value = metric.of(round);
      return value === null ? [] : [[round.round, value] as const];
    }),
  );

/** The second copy against the first: what the machine alone makes of equal arms. */
function controlOf(here: readonly ArmResult[], metric: MetricRow, random: () => number): Interval | null {
  const copy = here.find((arm) => arm.control);
  const original = here.find((arm) => !arm.control && arm.engine === copy?.engine);
  if (copy === undefined || original === undefined) return null;
  const ratios = pairedRatios(seriesOf(copy, metric), seriesOf(original, metric));
  return ratios.length < roundsForVerdict ? null : bootstrapInterval(ratios, random);
}

const pair = (interval: Interval | null): [number, number] | null =>
  interval === null ? null : [interval[0], interval[1]];
