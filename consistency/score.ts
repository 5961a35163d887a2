/** How much of what was examined is proven consistent. */
export interface Score {
  /** Orders, or rows that belong to none, that some violation touches. */
  readonly touched: number;
  /** Orders that an engine worked on. */
  readonly examined: number;
  /** With 95 % confidence at least this share of orders is consistent; 0 when none was examined. */
  readonly lowerBound95: number;
}

export const scoreOf = (touched: number, examined: number): Score => ({
  touched,
  examined,
  lowerBound95: examined === 0 ? 0 : lowerBound(Math.min(touched, examined), examined),
});

/** One-sided Clopper and Pearson (1934). With nothing touched it is 0.05^(1/n), about 1 - 3/n. */
function lowerBound(touched: number, examined: number): number {
  if (touched === examined) return 0;
  // The largest failure rate under which as few as `touched` in `examined` still has a chance of 5 %.
  let [low, high] = [touched / examined, 1];
  for (let i = 0; i < 60; i++) {
    const rate = (low + high) / 2;
    if (binomialTail(touched, examined, rate) > 0.05) low = rate;
    else high = rate;
  }
  return 1 - (low + high) / 2;
}

/** P(X <= k) of a binomial distribution, summed from the largest term down in logarithms: n may be millions. */
function binomialTail(k: number, n: number, rate: number): number {
  const odds = Math.log(rate) - Math.log1p(-rate);
  let log = n * Math.log1p(-rate);
  let largest = log;
  const logs = [log];
  for (let i = 1; i <= k; i++) {
    log += Math.log((n - i + 1) / i) + odds;
    largest = Math.max(largest, log);
    logs.push(log);
  }
  return Math.exp(largest) * logs.reduce((sum, each) => sum + Math.exp(each - largest), 0);
}
