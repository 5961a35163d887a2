import type { Target } from './target.ts';

/** A change that mends a finding without inventing anything: it adds rows, or sets a row to what its ledger says. */
export interface Repair {
  readonly name: string;
  readonly target: Target['kind'];
  /** Invariants that must hold on all that is touched, or what the repair goes by can't be believed. */
  readonly needs: readonly string[];
  /** SQL, $1 the target's id: what will be done in words, as `says`; no row where it can't be done. */
  readonly plan: string;
  /** SQL, $1 the target's id, run under the locks of all that is touched, after the plan was made again. */
  readonly act: string;
}
