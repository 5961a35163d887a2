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
 * refusal starts the undo at the last boundary (which takes the pivot's receipt, so that a late payment is not made), and
 * each domain reacts to its successor's undo. For vc-b-s-p:
 *
 *   payment.requested -> validateOrder      any *.rejected   -> undo createPayment
 *   order.validated   -> deductBalance      payment.voided   -> undo confirmStock
 *   balance.deducted  -> confirmStock       stock.released   -> undo deductBalance
 *   stock.confirmed   -> createPayment      balance.refunded -> undo validateOrder
 *   payment.completed: paid                 payment.failed: refused
 */
export function reactionsOf(cut: Cut): readonly Reaction[] {
  const refusals = cut.map((boundary) => boundary.events.refused);
  return cut.flatMap((boundary, i): Reaction[] => {
    const [before, after] = [cut[i - 1], cut[i + 1]];
    const { domain } = boundary;
    return [
      { on: [before?.events.passed ?? requested], domain, op: 'execute', boundary },
      { on: after === undefined ? refusals : [after.events.undone], domain, op: 'undo', boundary },
    ];
  });
}

/** Who reacts to this topic; undefined for the topics that end a payment. */
export const reactionTo = (reactions: readonly Reaction[] | undefined, topic: string): Reaction | undefined =>
  reactions?.find((reaction) => reaction.on.some((on) => on === topic));
