import type { Boundary, Cut, Domain } from '../../domain/cuts.ts';
import type { EventType } from '../../domain/events.ts';
import { requested } from '../saga/doorbell.ts';

export type Topic = EventType | typeof requested;

/** On hearing `on`, `domain` runs or undoes `boundary`. What it says next follows from the outcome. */
export interface Reaction {
  readonly on: readonly Topic[];
  readonly domain: Domain;
  readonly op: 'execute' | 'undo';
  readonly boundary: Boundary;
}

/**
 * The whole choreography, derived from the cut. Forward: each domain reacts to its predecessor's success. Backward: any
 * refusal starts the undo at the pivot's boundary (which takes its receipt, so that a late payment is not made), and each
 * domain reacts to its successor's undo. After the pivot there is only forward. For vc-b-s-p:
 *
 *   payment.requested -> validateOrder      any *.rejected   -> undo createPayment
 *   order.validated   -> deductBalance      payment.voided   -> undo confirmStock
 *   balance.deducted  -> confirmStock       stock.released   -> undo deductBalance
 *   stock.confirmed   -> createPayment      balance.refunded -> undo validateOrder
 *   payment.completed: paid                 payment.failed: refused
 */
export function reactionsOf(cut: Cut): readonly Reaction[] {
  const undoable = cut.filter((boundary) => boundary.pivot !== 0);
  const refusals = undoable.map((boundary) => boundary.events.refused);
  const forward = cut.map((boundary, i): Reaction => {
    return { on: [cut[i - 1]?.events.passed ?? requested], domain: boundary.domain, op: 'execute', boundary };
  });
  const backward = undoable.map((boundary, i): Reaction => {
    const after = undoable[i + 1];
    return { on: after ? [after.events.undone] : refusals, domain: boundary.domain, op: 'undo', boundary };
  });
  return [...forward, ...backward];
}

/** Who reacts to this topic; undefined for the topics that end a payment. */
export const reactionTo = (reactions: readonly Reaction[] | undefined, topic: string): Reaction | undefined =>
  reactions?.find((reaction) => reaction.on.some((on) => on === topic));
