/** SQL that breaks one invariant of a database on which every kind of payment has been made: proof that it can fire. */
export interface Mutant {
  readonly code: string;
  readonly does: string;
  readonly sql: string;
}
