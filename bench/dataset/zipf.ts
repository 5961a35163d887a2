/**
 * Draws ranks 1..n with P(rank) proportional to 1 / rank^theta, by inverting the exact distribution function:
 * a table and a binary search. The shortcut of Gray et al. (1994) that most benchmarks copy gets the
 * first two ranks right and distorts the rest. theta 0 is uniform.
 */
export function zipf(n: number, theta: number): (uniform: number) => number {
  const cumulative = new Float64Array(n);
  let sum = 0;
  for (let rank = 1; rank <= n; rank++) {
    sum += rank ** -theta;
    cumulative[rank - 1] = sum;
  }
  return (uniform) => {
    const wanted = uniform * sum;
    let [low, high] = [0, n - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] as number) > wanted) high = middle;
      else low = middle + 1;
    }
    return low + 1;
  };
}

/** Maximum likelihood estimate of theta from how often each rank was drawn (`counts[0]` is rank 1), to 1e-4. */
export function estimateTheta(counts: readonly number[]): number {
  const logs = counts.map((_, i) => Math.log(i + 1));
  const drawn = counts.reduce((a, b) => a + b, 0);
  const meanLog = counts.reduce((sum, count, i) => sum + count * (logs[i] as number), 0) / drawn;
  // The mean log rank falls as theta rises, so halving the interval finds the theta that explains the sample's mean.
  let [low, high] = [0, 5];
  while (high - low > 1e-4) {
    const theta = (low + high) / 2;
    const weights = logs.map((log) => Math.exp(-theta * log));
    const expected =
      weights.reduce((sum, w, i) => sum + w * (logs[i] as number), 0) / weights.reduce((a, b) => a + b, 0);
    if (expected > meanLog) low = theta;
    else high = theta;
  }
  return (low + high) / 2;
}
