import type { RefusalCode, UnchangedCode } from '../domain/errors.ts';
import type { Answer, PayOrder, Route, RouteReason, Side } from '../domain/payment-engine.ts';

/** What `claim_routes` says about a request: CLAIMED starts a payment, everything else is its answer. */
export interface Verdict {
  readonly verdict: 'CLAIMED' | 'EMERGENCY' | 'PAID' | 'REFUSED' | UnchangedCode;
  readonly side: Side;
  readonly reason: RouteReason;
  readonly bucket: number;
  readonly config_version: number;
  readonly engine: string | null;
  readonly refusal: RefusalCode | null;
  readonly payment_id: number | null;
  readonly amount: number | null;
  readonly saga_id: number | null;
}

/** The values of `claim_routes` and of every function that begins with it, in their order. */
export const claimValues = ({ orderId, userId, couponId, route }: PayOrder): readonly unknown[] => [
  orderId,
  userId,
  couponId,
  route.side,
  route.reason,
  route.bucket,
  route.version,
];

export const storedRoute = (v: Verdict): Route => ({
  side: v.side,
  reason: v.reason,
  bucket: v.bucket,
  version: v.config_version,
});

/** The answer to a request that started nothing: a final one again, or the reason why nothing has changed. */
export function answerOf(v: Verdict): Answer {
  const sagaId = v.saga_id === null ? {} : { sagaId: v.saga_id };
  const repeated = { engine: v.engine ?? 'unknown', route: storedRoute(v), replayed: true, ...sagaId };
  switch (v.verdict) {
    case 'PAID':
      if (v.payment_id === null || v.amount === null) throw new Error('a paid order has no payment');
      return { kind: 'paid', paymentId: v.payment_id, amount: v.amount, ...repeated };
    case 'REFUSED':
      if (v.refusal === null) throw new Error('a refused order has no refusal code');
      return { kind: 'refused', code: v.refusal, ...repeated };
    case 'EMERGENCY':
      return { kind: 'reroute' };
    case 'CLAIMED':
      throw new Error('a claimed payment has no answer yet');
    default:
      return { kind: 'unchanged', code: v.verdict, ...sagaId };
  }
}
