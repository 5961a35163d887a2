import { randomOf } from '../../../bench/dataset/random.ts';

/** Draws from one seeded stream: with a single actor the same seed gives the same schedule again. */
export interface Draw {
  /** True in that share of the draws. */
  chance(share: number): boolean;
  /** An integer in [0, n). */
  below(n: number): number;
  /** Undefined of nothing. */
  pick<T>(from: readonly T[]): T | undefined;
}

export function drawOf(seed: number): Draw {
  const random = randomOf(seed, 0);
  const below = (n: number) => Math.floor(random() * n);
  return { chance: (share) => random() < share, below, pick: (from) => from[below(from.length)] };
}
