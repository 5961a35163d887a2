/**
 * The value that a share `q` of the observations stay within, as Prometheus' histogram_quantile estimates it: linear inside the bucket.
 * `within[i]` counts the observations up to `edges[i]`; one more counts all. Null when there are none; the last edge when it lies beyond.
 */
export function quantile(q: number, edges: readonly number[], within: readonly number[]): number | null {
  const all = within.at(-1) ?? 0;
  if (all <= 0) return null;
  const rank = q * all;
  const bucket = within.findIndex((count) => count >= rank);
  if (bucket >= edges.length) return edges.at(-1) ?? null;
  const [below, inside] = [within[bucket - 1] ?? 0, within[bucket] ?? 0];
  const [from, to] = [edges[bucket - 1] ?? 0, edges[bucket] ?? 0];
  return inside === below ? to : from + ((to - from) * (rank - below)) / (inside - below);
}
