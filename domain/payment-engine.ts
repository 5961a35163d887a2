import type { RefusalCode, UnchangedCode } from './errors.ts';

export type Side = 'legacy' | 'saga';

/** Which rule of the routing policy decided: the first that applies wins. */
export type RouteReason =
  | 'affinity'
  | 'emergency'
  | 'disabled'
  | 'stale_config'
  | 'deny'
  | 'vip'
  | 'vip_unknown'
  | 'allow'
  | 'bucket'
  | 'default'
  | 'pinned';

export interface Route {
  readonly side: Side;
  readonly reason: RouteReason;
  /** userId % 100. */
  readonly bucket: number;
  /** Version of the rollout configuration that decided. */
  readonly version: number;
}

/** One request to pay an order. The order is the idempotency key. Ids are integers below 2^53. */
export interface PayOrder {
  readonly orderId: number;
  readonly userId: number;
  /** A user_coupons id. */
  readonly couponId: number | null;
  readonly route: Route;
}

/** How a payment ended for good. `route` is the stored one when the answer is a repeated one (`replayed`). */
export type FinalAnswer = (
  | { readonly kind: 'paid'; readonly paymentId: number; readonly amount: number }
  | { readonly kind: 'refused'; readonly code: RefusalCode }
) & {
  readonly engine: string;
  readonly route: Route;
  readonly sagaId?: number;
  readonly replayed?: boolean;
};

export type Answer =
  | FinalAnswer
  | { readonly kind: 'unchanged'; readonly code: UnchangedCode; readonly sagaId?: number }
  /** The emergency rollback was switched on meanwhile: nothing changed, ask the legacy side. */
  | { readonly kind: 'reroute' };

/** Accepted work. `settled` resolves when the payment is final, so every engine is timed to the same point. */
export interface Submission {
  /** Set as soon as a saga has been accepted durably; an engine that pays in one transaction has none. */
  readonly sagaId?: number;
  readonly settled: Promise<Answer>;
}

/**
 * The one interface an engine implements. Bring your own: implement it, name it in `router/engines.ts`,
 * and run `test/contract/payment-engine.contract.ts` on it.
 */
export interface PaymentEngine {
  readonly name: string;
  start(): Promise<void>;
  /** Rejects with a fault (never a Rejection) when nothing is known to have been accepted. `signal` is the request's. */
  submit(command: PayOrder, signal: AbortSignal): Promise<Submission>;
  /** Waits for the work in hand. */
  stop(): Promise<void>;
}
