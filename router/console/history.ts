import type { Traffic } from './traffic-window.ts';

/** Columns for the charts; null where nothing was measured. */
export interface History {
  /** Epoch seconds. */
  readonly at: readonly number[];
  readonly legacyPerSecond: readonly (number | null)[];
  readonly sagaPerSecond: readonly (number | null)[];
  readonly legacyP95Ms: readonly (number | null)[];
  readonly sagaP95Ms: readonly (number | null)[];
}

type Point = readonly [at: number, ...values: (number | null)[]];

/** The last `keepSeconds`, a point per snapshot. */
export interface HistoryKeeper {
  push(atMs: number, traffic: Traffic): void;
  columns(): History;
}

/** Two points further apart are not joined by a line: nobody was watching. */
const gapSeconds = 5;

export function createHistory(keepSeconds: number): HistoryKeeper {
  let points: Point[] = [];
  const column = (i: number): (number | null)[] => points.map((point) => point[i] ?? null);
  return {
    push(atMs, { sides: { legacy, saga } }) {
      const at = Math.round(atMs / 1_000);
      const last = points.at(-1)?.[0];
      if (last !== undefined && at <= last) points.pop(); // the clock was set back, or two snapshots fell into one second
      if (last !== undefined && at - last > gapSeconds) points.push([last + 1]);
      points.push([
        at,
        short(legacy.settledPerSecond),
        short(saga.settledPerSecond),
        short(legacy.latencyMs.p95),
        short(saga.latencyMs.p95),
      ]);
      points = points.filter(([time]) => time > at - keepSeconds && time <= at);
    },
    columns: () => ({
      at: points.map(([at]) => at),
      legacyPerSecond: column(1),
      sagaPerSecond: column(2),
      legacyP95Ms: column(3),
      sagaP95Ms: column(4),
    }),
  };
}

/** The whole history is in every snapshot: a digit saved is saved 300 times. */
const short = (value: number | null): number | null => (value === null ? null : Math.round(value * 10) / 10);
