import type { Lane } from '../saga/lane.ts';
import type { Saga, SagaEnd } from '../saga/saga.ts';
import type { Reaction, Topic } from './reactions.ts';

/** What a domain says after reacting; `end` when the payment is decided with it. Null: fenced, somebody else goes on. */
export interface Said {
  readonly topic: Topic;
  readonly saga: Saga;
  readonly end: SagaEnd | null;
}

/** One reaction of one domain to one saga. A receipt that is there already says the same again: the next may have missed it. */
export async function react({ op, boundary }: Reaction, lane: Lane, saga: Saga): Promise<Said | null> {
  const { sagaId, orderId } = saga;
  if (op === 'undo') {
    const out = await lane.undo(saga);
    if (out.outcome === 'fenced') return null;
    const final = boundary.no === 1;
    const end = final ? ({ kind: 'refused', sagaId, orderId, code: out.code ?? 'PAYMENT_FAILED' } as const) : null;
    return { topic: boundary.events.undone, saga, end };
  }
  const out = await lane.execute(saga);
  if (out.outcome === 'fenced' || out.outcome === 'busy') return null;
  const known = { ...saga, facts: out.facts };
  if (out.outcome === 'refused') return { topic: boundary.events.refused, saga: known, end: null };
  if (boundary.pivot === null) return { topic: boundary.events.passed, saga: known, end: null };
  const { paymentId, facts } = out;
  const end = paymentId === null ? null : ({ kind: 'paid', sagaId, orderId, paymentId, amount: facts.due } as const);
  return { topic: boundary.events.passed, saga: known, end };
}
