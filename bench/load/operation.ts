import type { OrderPlan } from '../dataset/plan.ts';
import type { ClassifiedAnswer, Outcome } from './answer.ts';

/** One line of the driver's own log: what was asked for, when, and what came back. Times on the monotonic clock, in ms. */
export interface Operation extends ClassifiedAnswer {
  readonly orderId: number;
  readonly userId: number;
  readonly couponId: number | null;
  readonly expect: string;
  /** When it was due: latency counts from here. In a closed loop nothing is due before it is sent. */
  readonly intendedAt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** 0 when no answer came. */
  readonly status: number;
}

export function toOperation(
  plan: OrderPlan,
  startedAt: number,
  endedAt: number,
  status: number,
  answer: ClassifiedAnswer,
  intendedAt = startedAt,
): Operation {
  const { orderId, userId, couponId, expect } = plan;
  return { orderId, userId, couponId, expect, intendedAt, startedAt, endedAt, status, ...answer };
}

export const isFinal = ({ outcome }: { readonly outcome: Outcome }): boolean =>
  outcome === 'paid' || outcome === 'refused';

export interface Tally {
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
}

/** Who came and found no free client failed, too: nothing happened, and they got no answer. */
export function tally(operations: readonly Operation[], unserved = 0): Tally {
  const outcomes = { paid: 0, refused: 0, failed: unserved, unknown: 0 };
  const refusals: Record<string, number> = {};
  const faults: Record<string, number> = unserved > 0 ? { UNSERVED: unserved } : {};
  for (const { outcome, code } of operations) {
    outcomes[outcome] += 1;
    if (outcome === 'refused') count(refusals, code ?? 'NO_CODE');
    else if (outcome !== 'paid') count(faults, code ?? 'NO_CODE');
  }
  return { outcomes, refusals, faults };
}

const count = (counts: Record<string, number>, key: string): void => {
  counts[key] = (counts[key] ?? 0) + 1;
};
