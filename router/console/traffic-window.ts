import type { Side } from '../../domain/payment-engine.ts';
import { durationBuckets } from '../../runtime/metrics.ts';
import { quantile } from './quantile.ts';
import type { SideCounts, TrafficSample } from './traffic-sample.ts';

/** What happened on one side between two samples. */
export interface SideTraffic extends SideCounts {
  /** Null when no time has passed. */
  readonly settledPerSecond: number | null;
  readonly latencyMs: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
}

export interface Traffic {
  readonly seconds: number;
  readonly sides: Readonly<Record<Side, SideTraffic>>;
  readonly decisions: ReadonlyMap<string, number>;
}

/** The last samples, to be compared with each other. */
export interface TrafficWindow {
  push(sample: TrafficSample): void;
  /** What happened in the last `ms`, or since watching began when that is less. */
  over(ms: number): Traffic;
}

/** After a longer silence nobody was watching: the time before it is not mixed into the figures after it. */
export const gapMs = 5_000;

export function createTrafficWindow(keepMs: number): TrafficWindow {
  let samples: TrafficSample[] = [];
  return {
    push(sample) {
      const last = samples.at(-1);
      if (last !== undefined && sample.atMs - last.atMs > gapMs) samples = [];
      samples.push(sample);
      // One that is older than the window stays: the window begins there.
      while (samples.length > 2 && sample.atMs - (samples[1] as TrafficSample).atMs >= keepMs) samples.shift();
    },
    over(ms) {
      const now = samples.at(-1);
      if (now === undefined) throw new Error('nothing was sampled yet');
      return between(samples.findLast(({ atMs }) => now.atMs - atMs >= ms) ?? (samples[0] as TrafficSample), now);
    },
  };
}

function between(from: TrafficSample, to: TrafficSample): Traffic {
  const seconds = (to.atMs - from.atMs) / 1_000;
  return {
    seconds,
    sides: {
      legacy: traffic(from.sides.legacy, to.sides.legacy, seconds),
      saga: traffic(from.sides.saga, to.sides.saga, seconds),
    },
    decisions: new Map([...to.decisions].map(([key, count]) => [key, count - (from.decisions.get(key) ?? 0)])),
  };
}

function traffic(from: SideCounts, to: SideCounts, seconds: number): SideTraffic {
  const within = to.within.map((count, i) => count - (from.within[i] ?? 0));
  const [good, rejected, bad] = [to.good - from.good, to.rejected - from.rejected, to.bad - from.bad];
  const latency = (q: number): number | null => {
    const value = quantile(q, durationBuckets, within);
    return value === null ? null : value * 1_000;
  };
  return {
    good,
    rejected,
    bad,
    within,
    settledPerSecond: seconds > 0 ? (good + rejected) / seconds : null,
    latencyMs: { p50: latency(0.5), p95: latency(0.95), p99: latency(0.99) },
  };
}
