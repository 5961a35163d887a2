import type { RefusalCode } from '../../domain/errors.ts';

/** What the first boundary finds out; every later step and every undo works from it. Money in won. */
export interface Facts {
  readonly due: number;
  readonly discount: number;
  readonly products: readonly number[];
  readonly qtys: readonly number[];
}

/** One payment in flight. `epoch` is the fencing token: a write with an old one changes nothing. */
export interface Saga {
  readonly sagaId: number;
  readonly orderId: number;
  readonly userId: number;
  readonly couponId: number | null;
  readonly epoch: number;
  /** Of the definition it was accepted by, and ends by. */
  readonly version: number;
  readonly facts?: Facts;
}

/** What a boundary answers for one saga. `already-done` and a repeated `refused` come from the receipt. */
export type Outcome =
  | { readonly outcome: 'ok' | 'already-done'; readonly facts: Facts; readonly paymentId: number | null }
  | { readonly outcome: 'refused'; readonly code: RefusalCode; readonly facts: Facts }
  /** A row it needs is locked by somebody else; nothing was written. */
  | { readonly outcome: 'busy' }
  /** Another worker owns the saga now, or it no longer runs in this direction. */
  | { readonly outcome: 'fenced' };

export type UndoOutcome = { readonly outcome: 'ok' | 'already-done' | 'fenced'; readonly code: RefusalCode | null };

/** How a saga ended, as the worker tells the router. */
export type SagaEnd = { readonly sagaId: number; readonly orderId: number } & (
  | { readonly kind: 'paid'; readonly paymentId: number; readonly amount: number }
  | { readonly kind: 'refused'; readonly code: RefusalCode }
);
