import type { OperationLogLine } from '../../consistency/client-log/operation-log.ts';
import type { OrderPlan } from '../dataset/plan.ts';
import type { ClassifiedAnswer, Outcome } from './answer.ts';

/** What is asked for, and how it must end. */
export type Asked = Pick<Operation, 'orderId' | 'userId' | 'couponId' | 'expect'>;

/** One line of the driver's own log: what was asked for, when, and what came back. Times on the monotonic clock, in ms. */
export interface Operation extends ClassifiedAnswer {
  readonly orderId: number;
  readonly userId: number;
  readonly couponId: number | null;
  readonly expect: OrderPlan['expect'];
  /** Counts the requests for the order. Absent: the first. */
  readonly attempt?: number;
  /** When it was due: latency counts from here. In a closed loop nothing is due before it is sent. */
  readonly intendedAt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** 0 when no answer came. */
  readonly status: number;
}

export function toOperation(
  asked: Asked,
  startedAt: number,
  endedAt: number,
  status: number,
  answer: ClassifiedAnswer,
  intendedAt = startedAt,
): Operation {
  const { orderId, userId, couponId, expect } = asked;
  return { orderId, userId, couponId, expect, intendedAt, startedAt, endedAt, status, ...answer };
}

export const isFinal = ({ outcome }: { readonly outcome: Outcome }): boolean =>
  outcome === 'paid' || outcome === 'refused';

/** As it stands in the operation log. What failed had no effect by its own account; to the verifier that is something to find out. */
export function toLogLine(one: Operation): OperationLogLine {
  const request = {
    ...{ orderId: one.orderId, userId: one.userId, couponId: one.couponId, attempt: one.attempt ?? 1 },
    ...{ invokedAt: epochMs(one.startedAt), endedAt: epochMs(one.endedAt), status: one.status },
  };
  if (one.outcome === 'paid' && one.paymentId !== null)
    return { ...request, outcome: 'paid', code: null, paymentId: one.paymentId };
  if (one.outcome === 'refused' && one.code !== null)
    return { ...request, outcome: 'refused', code: one.code, paymentId: null };
  return { ...request, outcome: 'unknown', code: one.code, paymentId: null };
}

/** From the monotonic clock to microseconds of the wall clock, as it stood when this process began. */
export const epochMs = (at: number): number => Math.round((performance.timeOrigin + at) * 1_000) / 1_000;

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
