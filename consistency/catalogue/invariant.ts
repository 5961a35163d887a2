/**
 * When an invariant must hold. I: in every snapshot. T: for every order or saga that is final in the snapshot. L: within a bounded
 * time. Q: when drained, that is when nothing is in work.
 */
export type InvariantClass = 'I' | 'T' | 'L' | 'Q';

export type Severity = 'money' | 'stock' | 'process' | 'delivery';

/** Whose orders an invariant is about, by what the engine table says of an engine. `none`: rows that belong to no order. */
export type Binding = 'all' | 'sagas' | 'one transaction' | 'delivering' | 'none';

/** Orders that cannot be without leaving rows to examine. See `order-counts.ts`. */
export type OrderKind = 'worked on' | 'paid' | 'refused' | 'with coupon' | 'paid with coupon' | 'paid and routed';

/** What the rows of a subject are about. A pass may look at those of some keys only; `whole` is for what has no parts. */
export type SubjectKey = 'order' | 'saga' | 'user' | 'product' | 'coupon' | 'user coupon' | 'whole';

/** SQL condition that a column holding a subject's key, behind a prefix of its own if it is text, is among those a pass looks at. */
export type Within = (column: string, prefix?: string) => string;

/** Rows to look at, joined and folded once for all invariants that ask about them. */
export interface Subject {
  readonly name: string;
  readonly key: SubjectKey;
  /** What its SQL reads. */
  readonly tables: readonly string[];
  /**
   * One row per thing examined, with `id` (what to look for), `order_id` (null where it belongs to no order) and `engine` (of that order).
   * Every table that is folded is cut down by `within` on the key, so that a pass over a few keys reads only their rows.
   */
  sql(within: Within): string;
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
  /** What to do when it does not. */
  readonly remedy: string;
  readonly binds: Binding;
  /** An engine that has such orders, and none of their rows examined, was not checked. Absent: an honest run may leave no rows at all. */
  readonly examines?: OrderKind;
  readonly checks: readonly Check[];
}
