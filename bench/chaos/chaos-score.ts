import { provenShare } from '../statistics/proof-bound.ts';
import type { ChaosResult } from './chaos-result.ts';

export interface Counted {
  readonly examined: number;
  readonly touched: number;
}

/** `before`: of the databases that were done before. */
export function setScore({ score }: ChaosResult, before: Counted, { examined, touched }: Counted): void {
  score.examined = before.examined + examined;
  score.touched = before.touched + touched;
  score.lowerBound95 = provenShare(score.examined, score.touched);
}

export const addedUp = (all: readonly Counted[]): Counted => ({
  examined: all.reduce((sum, { examined }) => sum + examined, 0),
  touched: all.reduce((sum, { touched }) => sum + touched, 0),
});
