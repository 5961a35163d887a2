import { type ArmResult, type LockResult, validRounds } from '../result.ts';
import { colourOf } from './colours.ts';

/** What the page's script draws with uPlot: columns of numbers, the first one x. */
export interface Chart {
  readonly id: string;
  readonly kind: 'rounds' | 'latency' | 'bars' | 'time';
  readonly label: string;
  readonly series: readonly { readonly label: string; readonly colour: string; readonly dashed?: boolean }[];
  /** A value counts from its x to the next one, where x is time. */
  readonly stepped?: boolean;
  readonly data: readonly (readonly (number | null)[])[];
  /** Names along x where x counts groups. */
  readonly groups?: readonly { readonly at: number; readonly label: string }[];
  /** Stretches of x that are shaded, where x is time. */
  readonly bands?: readonly { readonly from: number; readonly to: number; readonly colour: string }[];
}

export function chartsOf(scenario: string, arms: readonly ArmResult[]): Chart[] {
  const shown = arms.filter((arm) => validRounds(arm).length > 0);
  return [
    throughputChart(`${scenario}-throughput`, shown),
    latencyChart(`${scenario}-latency`, shown),
    lockChart(`${scenario}-hold`, 'lock hold, mean ms', shown, (lock) => lock.holdMs.mean),
    lockChart(`${scenario}-wait`, 'lock wait, mean ms', shown, (lock) => lock.waitMs.mean),
  ].filter((chart) => chart.data.length > 1 && (chart.data[0]?.length ?? 0) > 0);
}

const seriesOf = (arm: ArmResult) => ({
  label: arm.name,
  colour: colourOf(arm.engine),
  ...(arm.control ? { dashed: true } : {}),
});

function throughputChart(id: string, arms: readonly ArmResult[]): Chart {
  const rounds = [...new Set(arms.flatMap((arm) => arm.rounds.map((round) => round.round)))].sort((a, b) => a - b);
  const column = (arm: ArmResult) =>
    rounds.map((number) => validRounds(arm).find((round) => round.round === number)?.settledPerSecond ?? null);
  return {
    id,
    kind: 'rounds',
    label: 'settled payments/s',
    series: arms.map(seriesOf),
    data: [rounds, ...arms.map(column)],
  };
}

/** x is the number of nines, so that the tail has room: 0 is p0, 1 is p90, 2 is p99. */
function latencyChart(id: string, arms: readonly ArmResult[]): Chart {
  const drawn = arms.filter((arm) => arm.latencyCurve.length > 1);
  const percentiles = [...new Set(drawn.flatMap((arm) => arm.latencyCurve.map(([p]) => p)))].sort((a, b) => a - b);
  const column = (arm: ArmResult) =>
    percentiles.map((p) => arm.latencyCurve.find(([point]) => point === p)?.[1] ?? null);
  return {
    id,
    kind: 'latency',
    label: 'latency, ms',
    series: drawn.map(seriesOf),
    data: [percentiles.map((p) => -Math.log10(1 - p / 100)), ...drawn.map(column)],
  };
}

const lockOrder = ['order', 'coupon', 'balance', 'stock', 'payment'];

/** A group per resource and kind of lock, a bar per engine: x positions side by side, each series filled at its own only. */
function lockChart(
  id: string,
  label: string,
  arms: readonly ArmResult[],
  of: (lock: LockResult) => number | null,
): Chart {
  const plain = arms.filter((arm) => !arm.control);
  const keys = lockKeys(plain).filter(({ lock, kind }) => plain.some((arm) => meanOver(arm, lock, kind, of) !== null));
  const width = plain.length + 1;
  const x = keys.flatMap((_, group) => plain.map((_arm, i) => group * width + i));
  const column = (of_: ArmResult) =>
    keys.flatMap(({ lock, kind }) => plain.map((arm) => (arm === of_ ? meanOver(arm, lock, kind, of) : null)));
  const groups = keys.map(({ lock, kind }, group) => ({
    at: group * width + (plain.length - 1) / 2,
    label: `${lock} ${kind}`,
  }));
  return { id, kind: 'bars', label, series: plain.map(seriesOf), data: [x, ...plain.map(column)], groups };
}

function lockKeys(arms: readonly ArmResult[]): { lock: string; kind: string }[] {
  const found = new Map<string, { lock: string; kind: string }>();
  for (const { lock, kind } of arms.flatMap((arm) => arm.rounds.flatMap((round) => round.locks))) {
    if (kind !== 'union') found.set(`${lock} ${kind}`, { lock, kind });
  }
  return [...found.values()].sort(
    (a, b) => a.kind.localeCompare(b.kind) || lockOrder.indexOf(a.lock) - lockOrder.indexOf(b.lock),
  );
}

/** Weighted by how often the lock was taken; null when it never was. */
export function meanOver(
  arm: ArmResult,
  lock: string,
  kind: string,
  of: (lock: LockResult) => number | null,
): number | null {
  const locks = validRounds(arm)
    .flatMap((round) => round.locks)
    .filter((one) => one.lock === lock && one.kind === kind && of(one) !== null);
  const count = locks.reduce((sum, one) => sum + one.holdMs.count, 0);
  return count === 0 ? null : locks.reduce((sum, one) => sum + (of(one) ?? 0) * one.holdMs.count, 0) / count;
}
