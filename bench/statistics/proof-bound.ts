/**
 * What a count of failures proves about a rate of success: the one-sided 95 % lower bound of Clopper and Pearson (1934).
 * Without a failure it is the rule of three, 1 - 3/n; 0 when nothing was looked at.
 */
export function provenShare(examined: number, failures: number): number {
  if (examined <= 0 || failures >= examined) return 0;
  if (failures === 0) return Math.max(0, 1 - 3 / examined);
  let [low, high] = [0, 1 - failures / examined];
  for (let i = 0; i < 60; i++) {
    const share = (low + high) / 2;
    if (chanceOfAtMost(failures, examined, 1 - share) > 0.05) high = share;
    else low = share;
  }
  return low;
}

/** The other side: the share is below this with 95 % confidence. 1 when nothing failed. */
export function disprovenShare(examined: number, failures: number): number {
  if (examined <= 0 || failures === 0) return 1;
  let [low, high] = [1 - failures / examined, 1];
  for (let i = 0; i < 60; i++) {
    const share = (low + high) / 2;
    if (1 - chanceOfAtMost(failures - 1, examined, 1 - share) > 0.05) low = share;
    else high = share;
  }
  return high;
}

/** Binomial distribution function, summed in logarithms so that n may be a million. */
function chanceOfAtMost(k: number, n: number, p: number): number {
  if (p <= 0) return 1;
  if (p >= 1) return k >= n ? 1 : 0;
  let log = n * Math.log1p(-p);
  let total = Math.exp(log);
  for (let i = 1; i <= k; i++) {
    log += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p);
    total += Math.exp(log);
  }
  return Math.min(1, total);
}
