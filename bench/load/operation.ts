import type { OrderPlan } from '../dataset/plan.ts';
import type { ClassifiedAnswer, Outcome } from './answer.ts';

/** One line of the driver's own log: what was asked for, when, and what came back. Times on the monotonic clock, in ms. */
export interface Operation extends ClassifiedAnswer {
  readonly orderId: number;
  readonly userId: number;
  readonly couponId: number | null;
  readonly expect: string;
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
): Operation {
  const { orderId, userId, couponId, expect } = plan;
  return { orderId, userId, couponId, expect, startedAt, endedAt, status, ...answer };
}

export const isFinal = ({ outcome }: { readonly outcome: Outcome }): boolean =>
  outcome === 'paid' || outcome === 'refused';

export interface Tally {
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
}

export function tally(operations: readonly Operation[]): Tally {
  const outcomes = { paid: 0, refused: 0, failed: 0, unknown: 0 };
  const refusals: Record<string, number> = {};
  const faults: Record<string, number> = {};
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
