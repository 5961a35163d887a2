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

/** Histograms hold microseconds; summaries speak milliseconds. */
export function summarise(histogram: Histogram): LatencySummary {
  const count = histogram.totalCount;
  const at = (p: number) => (count >= samplesNeeded(p) ? histogram.getValueAtPercentile(p) / 1_000 : null);
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
export function latencyCurve(histogram: Histogram): [number, number][] {
  return curvePercentiles
    .filter((p) => histogram.totalCount >= samplesNeeded(p))
    .map((p) => [p, histogram.getValueAtPercentile(p) / 1_000]);
}
