import type { Interval } from './bootstrap.ts';
import { geometricMean } from './paired-ratios.ts';

export type Verdict = 'faster' | 'slower' | 'equivalent' | 'inconclusive' | 'indicative' | 'none';

export interface Evidence {
  /** Candidate divided by baseline, one a round; above one is better. */
  readonly ratios: readonly number[];
  readonly interval: Interval | null;
  readonly p: number;
  /** Interval of the second copy of an arm against its first (A/A); null when no such arm ran for enough rounds. */
  readonly control: Interval | null;
}

/** Equal within this share either way counts as equivalent. */
export const equivalenceMargin = 0.05;
export const significance = 0.05;
/** Fewer cannot reach p < 0.05, see signFlipP. */
export const roundsForVerdict = 6;

/**
 * A word only where it is earned: enough rounds, an A/A control in the same run, and an effect larger than what two
 * copies of the same arm showed. One round says nothing ('none'), a few are 'indicative'.
 */
export function verdictOf({ ratios, interval, p, control }: Evidence): Verdict {
  if (ratios.length < 2 || interval === null) return 'none';
  if (ratios.length < roundsForVerdict || control === null) return 'indicative';
  const [low, high] = interval;
  if (low > 1 - equivalenceMargin && high < 1 + equivalenceMargin) return 'equivalent';
  const effect = geometricMean(ratios);
  const beyondNoise = Math.abs(Math.log(effect)) > controlBound(control);
  const agreeing = ratios.filter((ratio) => ratio > 1 === effect > 1).length / ratios.length;
  if (p >= significance || !beyondNoise || agreeing < 0.8 || (low <= 1 && high >= 1)) return 'inconclusive';
  return effect > 1 ? 'faster' : 'slower';
}

/** How far apart two copies of the same arm may come out by chance alone, as a log-ratio. */
export const controlBound = ([low, high]: Interval): number =>
  Math.max(Math.abs(Math.log(low)), Math.abs(Math.log(high)));
