/** What the domain and the engines ask of the outside world. `runtime/` provides it; the domain imports nothing. */

export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

/** A way to run one statement: a pooled connection (its own transaction), or one open transaction. */
export interface Tx {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** One moment in milliseconds since the epoch. Passed in, so that decisions are the same in a test. */
export type Clock = () => number;

/** The resources whose locks are measured, one word each in every metric and report. */
export type LockResource = 'order' | 'coupon' | 'balance' | 'stock' | 'payment';
