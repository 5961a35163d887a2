import type { RefusalCode } from '../../domain/errors.ts';
import type { Lane } from '../saga/lane.ts';
import type { Saga, SagaEnd } from '../saga/saga.ts';

/** Null: another worker owns the saga now; how it ends will be found in the database. */
export type Walked = SagaEnd | null;

/** Walks the boundaries from `position` (0-based). A rule's "no" turns the saga back; a fault is thrown to the rescuer. */
export async function goForward(lanes: readonly Lane[], start: Saga, position: number): Promise<Walked> {
  let saga = start;
  let paymentId: number | null = null;
  for (const lane of lanes.slice(position)) {
    const out = await lane.execute(saga);
    if (out.outcome === 'fenced' || out.outcome === 'busy') return null;
    saga = { ...saga, facts: out.facts };
    if (out.outcome === 'refused') return goBack(lanes, saga, out.code);
    paymentId = out.paymentId ?? paymentId;
  }
  if (paymentId === null) return null;
  return { kind: 'paid', sagaId: saga.sagaId, orderId: saga.orderId, paymentId, amount: saga.facts?.due ?? 0 };
}

/** Undoes every boundary up to the pivot's, last first. What never happened is claimed as undone, so it cannot happen late. */
export async function goBack(lanes: readonly Lane[], saga: Saga, code: RefusalCode | null): Promise<Walked> {
  let reason = code;
  for (const lane of lanes.filter(({ boundary }) => boundary.pivot !== 0).reverse()) {
    const out = await lane.undo(saga);
    if (out.outcome === 'fenced') return null;
    reason = out.code ?? reason;
  }
  return { kind: 'refused', sagaId: saga.sagaId, orderId: saga.orderId, code: reason ?? 'PAYMENT_FAILED' };
}
