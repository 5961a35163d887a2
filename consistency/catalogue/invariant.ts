/**
 * When an invariant must hold. I: in every snapshot. T: for every order or saga that is final in the snapshot.
 * Q: when drained, that is when nothing is in work.
 */
export type InvariantClass = 'I' | 'T' | 'Q';

export type Severity = 'money' | 'stock' | 'process' | 'delivery';

/** Rows to look at, joined and folded once for all invariants that ask about them. */
export interface Subject {
  readonly name: string;
  /** One row per thing examined, with `id` (what to look for) and `order_id` (null where it belongs to no order). */
  readonly sql: string;
}

export interface Check {
  readonly subject: Subject;
  /** SQL condition on the subject's columns: rows it is true for are examined. Absent: all. */
  readonly applies?: string;
  /** SQL condition: rows it is not false for violate. So a NULL that slipped in shows as a violation, not as silence. */
  readonly wrong: string;
}

export interface Invariant {
  readonly code: string;
  readonly class: InvariantClass;
  readonly severity: Severity;
  /** What is true when it holds. */
  readonly sentence: string;
  readonly checks: readonly Check[];
}
