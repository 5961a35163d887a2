/** Mean of ratios on the scale on which twice and half are equally far from one. NaN for an empty list. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/**
 * Candidate divided by baseline, round by round: the rounds of one block ran next to each other, so what disturbed the
 * machine then disturbed both. Pairs in which one side has no positive figure are left out.
 */
export function pairedRatios(candidate: ReadonlyMap<number, number>, baseline: ReadonlyMap<number, number>): number[] {
  return [...candidate].flatMap(([round, value]) => {
    const base = baseline.get(round);
    return base !== undefined && base > 0 && value > 0 ? [value / base] : [];
  });
}
