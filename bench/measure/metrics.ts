import { samplesNeeded } from '../statistics/percentiles.ts';
import type { Distribution } from '../result.ts';
import { parseSamples, type Sample } from './prometheus-text.ts';

/** Counters and histograms of all processes of an arm added up; later minus earlier is what a round did. */
export type Metrics = ReadonlyMap<string, Sample>;

type Labels = Readonly<Record<string, string>>;

export async function scrape(urls: readonly string[], signal: AbortSignal): Promise<Metrics> {
  const texts = await Promise.all(
    urls.map(async (url) => {
      const response = await fetch(`${url}/metrics`, { signal });
      if (!response.ok) throw new Error(`${url}/metrics answered ${response.status}`);
      return response.text();
    }),
  );
  return addUp(texts.flatMap(parseSamples));
}

export function addUp(samples: readonly Sample[]): Metrics {
  const sums = new Map<string, Sample>();
  for (const sample of samples) {
    const key = keyOf(sample);
    sums.set(key, { ...sample, value: (sums.get(key)?.value ?? 0) + sample.value });
  }
  return sums;
}

/** What was counted in between. A process that started anew in between would show less than before: never below zero. */
export function difference(after: Metrics, before: Metrics): Metrics {
  return new Map(
    [...after].map(([key, sample]) => [
      key,
      { ...sample, value: Math.max(0, sample.value - (before.get(key)?.value ?? 0)) },
    ]),
  );
}

const keyOf = ({ name, labels }: Sample): string =>
  `${name}|${Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join('|')}`;

export const total = (metrics: Metrics, name: string, where: Labels = {}): number =>
  select(metrics, name, where).reduce((sum, sample) => sum + sample.value, 0);

/** The values that a label takes among the samples of a histogram or counter, in order. */
export function labelSets(metrics: Metrics, name: string, labels: readonly string[]): Record<string, string>[] {
  const sets = new Map<string, Record<string, string>>();
  for (const sample of select(metrics, name, {})) {
    const set = Object.fromEntries(labels.map((label) => [label, sample.labels[label] ?? '']));
    sets.set(JSON.stringify(set), set);
  }
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, set]) => set);
}

function select(metrics: Metrics, name: string, where: Labels): Sample[] {
  const wanted = Object.entries(where);
  return [...metrics.values()].filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
}

export interface BucketHistogram {
  readonly count: number;
  readonly sum: number;
  /** Upper edge and how many lie at or below it, ascending, the last one infinite. */
  readonly buckets: readonly (readonly [edge: number, below: number])[];
}

export function histogramOf(metrics: Metrics, name: string, where: Labels): BucketHistogram {
  const below = new Map<number, number>();
  for (const sample of select(metrics, `${name}_bucket`, where)) {
    const edge = sample.labels['le'] === '+Inf' ? Infinity : Number(sample.labels['le']);
    below.set(edge, (below.get(edge) ?? 0) + sample.value);
  }
  return {
    count: total(metrics, `${name}_count`, where),
    sum: total(metrics, `${name}_sum`, where),
    buckets: [...below].sort(([a], [b]) => a - b),
  };
}

/** Linear within the bucket, as Prometheus' histogram_quantile does; beyond the last finite edge that edge, a lower bound. */
export function quantile({ count, buckets }: BucketHistogram, share: number): number {
  const rank = share * count;
  let [lowerEdge, lowerCount] = [0, 0];
  for (const [edge, below] of buckets) {
    if (below >= rank) {
      if (edge === Infinity) return lowerEdge;
      return below === lowerCount
        ? edge
        : lowerEdge + ((edge - lowerEdge) * (rank - lowerCount)) / (below - lowerCount);
    }
    [lowerEdge, lowerCount] = [edge, below];
  }
  return lowerEdge;
}

/** A histogram of seconds as milliseconds, a percentile only where the samples carry it. */
export function distributionMs(histogram: BucketHistogram): Distribution {
  const at = (percentile: number) =>
    histogram.count >= samplesNeeded(percentile) ? quantile(histogram, percentile / 100) * 1_000 : null;
  return {
    count: histogram.count,
    mean: histogram.count === 0 ? null : (histogram.sum / histogram.count) * 1_000,
    p50: at(50),
    p99: at(99),
  };
}
