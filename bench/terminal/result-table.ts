import { type ArmResult, type Comparison, type Result, validRounds } from '../result.ts';
import { geometricMean } from '../statistics/paired-ratios.ts';
import { align } from './align.ts';

type Cell = string;

/** The result as a table for a terminal: one line per engine and scenario, ratios against both baselines. */
export function resultTable(result: Result): string {
  const rows = result.arms.filter((arm) => !arm.control).map((arm) => rowOf(arm, result));
  const header = [
    'scenario',
    'engine',
    'settled/s',
    'x legacy',
    'x lean',
    'p50 ms',
    'p99 ms',
    'lock hold ms',
    'violations',
    'verdict',
  ];
  return align([header, ...rows], [0, 1, header.length - 1]);
}

function rowOf(arm: ArmResult, result: Result): Cell[] {
  const rounds = validRounds(arm);
  const ratio = (baseline: string) => compared(result, arm, baseline)?.ratio;
  const violations = arm.violations + arm.rounds.reduce((sum, round) => sum + round.consistency.violations, 0);
  return [
    arm.scenario,
    arm.name,
    rounds.length === 0 ? 'none counts' : geometricMean(rounds.map((round) => round.settledPerSecond)).toFixed(0),
    times(ratio('legacy')),
    times(ratio('legacy-lean')),
    percentile(arm, arm.latencyMs.p50),
    percentile(arm, arm.latencyMs.p99),
    ms(lockHoldOf(arm)),
    arm.verified ? String(violations) : violations > 0 ? `${violations}, not verified` : 'not verified',
    verdictOf(compared(result, arm, 'legacy') ?? compared(result, arm, 'legacy-lean')),
  ];
}

const compared = (result: Result, arm: ArmResult, baseline: string): Comparison | undefined =>
  result.comparisons.find(
    (one) =>
      one.metric === 'settled/s' &&
      one.scenario === arm.scenario &&
      one.candidate === arm.name &&
      one.baseline === baseline,
  );

/** Longest lock of a payment on average, over the rounds that count, weighted by payments. */
export function lockHoldOf(arm: ArmResult): number | null {
  const rows = validRounds(arm).flatMap((round) => round.lockHoldPerPaymentMs);
  const count = rows.reduce((sum, row) => sum + row.maxMs.count, 0);
  return count === 0 ? null : rows.reduce((sum, row) => sum + (row.maxMs.mean ?? 0) * row.maxMs.count, 0) / count;
}

const verdictOf = (comparison: Comparison | undefined): string =>
  comparison === undefined || comparison.verdict === 'none'
    ? '-'
    : `${comparison.verdict} than ${comparison.baseline}`.replace('indicative than', 'indicative, against');

const times = (ratio: number | undefined): string => (ratio === undefined ? '-' : ratio.toFixed(ratio < 10 ? 2 : 1));
const ms = (value: number | null): string => (value === null ? 'few' : value.toFixed(value < 10 ? 1 : 0));

/** Not given when there are too few payments, or when it falls among those that were not served. */
const percentile = (arm: ArmResult, value: number | null): string =>
  value === null && arm.rounds.some(({ offered }) => (offered?.unserved ?? 0) > 0) ? 'unserved' : ms(value);

/** What is wrong with the run, one line each; empty when nothing is. */
export function troubles({ arms, guard, drills, validity }: Result): string[] {
  return [
    ...arms.flatMap((arm) =>
      [...arm.invariants, ...arm.rounds.flatMap((round) => round.consistency.findings)]
        .filter((finding) => finding.violations > 0)
        .map(
          (finding) =>
            `VIOLATED ${finding.code} in ${arm.scenario}, ${arm.name}: ${finding.title} ${finding.violations} times, e.g. ${finding.sample.join(', ')}`,
        ),
    ),
    ...guard
      .filter((row) => row.degraded)
      .map(
        (row) =>
          `GUARD ${row.scenario}, ${row.arm}: the ${row.boundary} statement became ${row.ratio.toFixed(1)} times slower from first to last round`,
      ),
    ...drills.flatMap((drill) =>
      drill.findings.map(
        (finding) =>
          `VIOLATED ${finding.code} in the recovery drill of ${drill.engine}: ${finding.title} ${finding.violations} times, e.g. ${finding.sample.join(', ')}`,
      ),
    ),
    ...validity.reasons.map((reason) => `note: ${reason}`),
  ];
}
