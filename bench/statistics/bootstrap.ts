import { geometricMean } from './paired-ratios.ts';

export type Interval = readonly [low: number, high: number];

const { floor } = Math; // once, as in randomOf

/**
 * Percentile bootstrap of the geometric mean of paired ratios (Efron 1979). The unit that is drawn again is the round,
 * never the request: requests of one round share the machine's mood and are not independent. Null below two rounds.
 */
export function bootstrapInterval(
  ratios: readonly number[],
  random: () => number,
  resamples = 10_000,
): Interval | null {
  if (ratios.length < 2) return null;
  const logs = ratios.map(Math.log);
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < logs.length; i++) sum += logs[floor(random() * logs.length)] as number;
    return sum / logs.length;
  }).sort();
  const at = (share: number) => Math.exp(means[Math.min(resamples - 1, Math.floor(share * resamples))] as number);
  // Rounding of exp(log(x)) must not push the estimate itself out of its interval.
  const estimate = geometricMean(ratios);
  return [Math.min(at(0.025), estimate), Math.max(at(0.975), estimate)];
}
