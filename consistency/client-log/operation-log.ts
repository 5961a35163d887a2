import { z } from 'zod';

/** Of the format below. A reader of it may meet keys that it does not know; whatever else changes raises this number. */
export const operationLogVersion = 1;

/** First line of a log. Beside these it says what its writer wants to keep, such as the arm and the window of a round. */
export const operationLogHeader = z.looseObject({
  log: z.literal('sagashift-operations'),
  version: z.literal(operationLogVersion),
});

const id = z.int().positive();
/** Milliseconds since 1970, fractions included, on the client's clock. */
const moment = z.number();

const request = {
  orderId: id,
  userId: id.describe('With order and coupon the idempotency key'),
  couponId: id.nullable(),
  attempt: z.int().positive().describe('Counts the requests for the order from 1'),
  invokedAt: moment,
  endedAt: moment.describe('When the answer was there, or the client stopped waiting for one'),
  status: z.int().min(0).describe('Of HTTP; 0: no answer came'),
};

/** Every further line: one request that a client sent, in any order, each once, those without an answer too. */
export const operationLogLine = z.discriminatedUnion('outcome', [
  z.object({ ...request, outcome: z.literal('paid'), code: z.null(), paymentId: id }),
  z.object({ ...request, outcome: z.literal('refused'), code: z.string(), paymentId: z.null() }),
  z.object({
    ...request,
    outcome: z.literal('unknown').describe('Neither 201 nor 422: it may have taken effect, whatever was answered'),
    code: z.string().nullable(),
    paymentId: z.null(),
  }),
]);

export type OperationLogLine = z.infer<typeof operationLogLine>;

/** What is kept of a line that is being judged; of less than that less can be said. */
export type ClientEntry = Pick<OperationLogLine, 'orderId' | 'outcome'> & {
  readonly paymentId?: number | null;
  readonly code?: string | null;
  readonly userId?: number;
  /** Absent: it is not known, which is not the same as none. */
  readonly couponId?: number | null;
  readonly status?: number;
  readonly invokedAt?: number;
  readonly endedAt?: number;
};

/** A file that is no log of this version, or is damaged. The message says in which line. */
export class OperationLogError extends Error {
  override readonly name = 'OperationLogError';
}
