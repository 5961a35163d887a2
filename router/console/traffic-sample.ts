import type { Side } from '../../domain/payment-engine.ts';
import { durationBuckets, type Metrics } from '../../runtime/metrics.ts';

export const sides = ['legacy', 'saga'] as const satisfies readonly Side[];

/** Counters of one side since this process started. */
export interface SideCounts {
  readonly good: number;
  readonly rejected: number;
  readonly bad: number;
  /** Answers that took at most `durationBuckets[i]` seconds; the last one counts all. */
  readonly within: readonly number[];
}

/** What this router had counted at one moment. */
export interface TrafficSample {
  /** Monotonic. */
  readonly atMs: number;
  readonly sides: Readonly<Record<Side, SideCounts>>;
  /** By `side reason`. */
  readonly decisions: ReadonlyMap<string, number>;
}

/** Reads the counters that the payment path keeps anyway: watching adds nothing to a payment. */
export async function sampleTraffic(metrics: Metrics, atMs: number): Promise<TrafficSample> {
  const [requests, durations, decisions] = await Promise.all([
    metrics.requests.get(),
    metrics.duration.get(),
    metrics.routerDecisions.get(),
  ]);
  const counted = (side: Side, outcome: string): number =>
    sum(requests.values.filter(({ labels }) => labels.side === side && labels.outcome === outcome));
  const buckets = durations.values.filter(({ metricName }) => metricName === 'payment_duration_seconds_bucket');
  const within = (side: Side): number[] => {
    const counts = new Map<number, number>();
    for (const { labels, value } of buckets) {
      if (labels.side !== side) continue;
      const { le } = labels as { readonly le?: number | string }; // of a bucket, and not in the labels' type
      const edge = le === '+Inf' ? Infinity : Number(le);
      counts.set(edge, (counts.get(edge) ?? 0) + value);
    }
    return [...durationBuckets, Infinity].map((edge) => counts.get(edge) ?? 0);
  };
  const countsOf = (side: Side): SideCounts => ({
    good: counted(side, 'good'),
    rejected: counted(side, 'rejected'),
    bad: counted(side, 'bad'),
    within: within(side),
  });
  return {
    atMs,
    sides: { legacy: countsOf('legacy'), saga: countsOf('saga') },
    decisions: new Map(decisions.values.map(({ labels, value }) => [`${labels.side} ${labels.reason}`, value])),
  };
}

/** Payments that an engine has in work now. */
export async function inFlight(metrics: Metrics): Promise<Readonly<Record<Side, number>>> {
  const { values } = await metrics.inflight.get();
  const of = (side: Side): number => sum(values.filter(({ labels }) => labels.side === side));
  return { legacy: of('legacy'), saga: of('saga') };
}

const sum = (rows: readonly { readonly value: number }[]): number =>
  rows.reduce((total, { value }) => total + value, 0);
