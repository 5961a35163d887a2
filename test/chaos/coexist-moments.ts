import { integer, randomOf, shuffled } from '../../bench/dataset/random.ts';

/** After how many answers what happens. */
export interface Moments {
  readonly kill: number;
  readonly cut: number;
  readonly emergency: number;
  readonly backAgain: number;
}

/** The default is what CI plays; the name of each test says its own, and with it the test plays again. */
export const coexistSeed = Number(process.env['SEED'] ?? 1);

/**
 * Each in a window of its own, of 240 answers: a worker is killed while orders still come to it, which they do not during an
 * emergency rollback, and after each fault enough are left to be hit by it.
 */
export function momentsOf(seed: number): Moments {
  const random = randomOf(seed, 0);
  return {
    kill: integer(random, 20, 60),
    cut: integer(random, 80, 120),
    emergency: integer(random, 130, 160),
    backAgain: integer(random, 175, 205),
  };
}

/** Which orders are in work when something happens. */
export const inOrderOf = <T>(seed: number, orders: readonly T[]): T[] => shuffled(randomOf(seed, 1), orders);

export const inWords = ({ kill, cut, emergency, backAgain }: Moments): string =>
  `worker killed after ${kill} answers, connections cut after ${cut}, emergency from ${emergency} to ${backAgain}`;
