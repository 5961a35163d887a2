import type { Histogram } from 'hdr-histogram-js';

/** A percentile needs ten samples beyond it: 20 for p50, 1,000 for p99. */
export const samplesNeeded = (percentile: number): number => Math.ceil(1_000 / (100 - percentile));

export interface LatencySummary {
  readonly count: number;
  /** Null when n is too small for this percentile. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number;
  readonly mean: number;
}

/**
 * Histograms hold microseconds; summaries speak milliseconds. `unserved` requests were never sent and took longer than any
 * that was: a percentile that falls among them is not known, so it is null. Mean and maximum are of those that were sent.
 */
export function summarise(histogram: Histogram, unserved = 0): LatencySummary {
  const count = histogram.totalCount;
  const at = (p: number) => valueAt(histogram, unserved, p);
  return {
    count,
    p50: at(50),
    p95: at(95),
    p99: at(99),
    max: count === 0 ? 0 : histogram.maxValue / 1_000,
    mean: count === 0 ? 0 : histogram.mean / 1_000,
  };
}

const curvePercentiles = [
  0, 10, 25, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 96, 97, 98, 98.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99,
];

/** Points (percentile, milliseconds) of a latency curve, as far as the number of samples carries. */
export function latencyCurve(histogram: Histogram, unserved = 0): [number, number][] {
  return curvePercentiles.flatMap((p) => {
    const value = valueAt(histogram, unserved, p);
    return value === null ? [] : [[p, value] as [number, number]];
  });
}

function valueAt(histogram: Histogram, unserved: number, percentile: number): number | null {
  const count = histogram.totalCount;
  const ofServed = (percentile * (count + unserved)) / Math.max(1, count);
  return count < samplesNeeded(percentile) || ofServed > 100 ? null : histogram.getValueAtPercentile(ofServed) / 1_000;
}
