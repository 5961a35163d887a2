export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value then. */
  readonly points: readonly (readonly [at: number, value: number])[];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly { metric: Record<string, string>; values: [number, string][] }[] };
}

/** What a graph of the last `seconds` would be drawn from. Rejects with what Prometheus says of a query it does not understand. */
export async function queryRange(url: string, query: string, seconds = 60, step = 1): Promise<Series[]> {
  const end = Date.now() / 1_000;
  const body = new URLSearchParams({ query, start: String(end - seconds), end: String(end), step: String(step) });
  const response = await fetch(`${url}/api/v1/query_range`, { method: 'POST', body });
  const { status, error, data } = (await response.json()) as Answer;
  if (status !== 'success') throw new Error(`${query}: ${error}`);
  return data.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([at, value]) => [at, Number(value)]),
  }));
}

export const isFinite = (series: readonly Series[]): boolean =>
  series.some(({ points }) => points.some(([, value]) => Number.isFinite(value)));
