import type { ServerResponse } from 'node:http';
import type { RefusalCode, UnchangedCode } from '../domain/errors.ts';
import { problem } from '../runtime/problem.ts';

interface ProblemRow {
  readonly status: number;
  readonly title: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;
}

/** Every problem the API answers with, by its code. Codes are stable; titles are for people. */
export const problems = {
  MALFORMED_REQUEST: { status: 400, title: 'The request is malformed' },
  UNAUTHORIZED: { status: 401, title: 'The API key is missing or wrong' },
  NOT_FOUND: { status: 404, title: 'There is nothing at this path' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The path does not support this method' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body must be application/json' },
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many payments of this user are in work', retryAfter: 1 },
  RATE_LIMITED: { status: 429, title: 'More is sent than this router takes', retryAfter: 1 },
  INTERNAL: { status: 500, title: 'The router failed' },
  OVERLOADED: { status: 503, title: 'Too many payments are in work', retryAfter: 1 },
  TOO_MANY_VIEWERS: { status: 503, title: 'Too many status pages are open', retryAfter: 10 },
  STOPPING: { status: 503, title: 'This router is being stopped', retryAfter: 1 },
  UNAVAILABLE: { status: 503, title: 'The payment could not be accepted', retryAfter: 1 },
  ORDER_NOT_FOUND: { status: 404, title: 'The user has no such order' },
  USER_NOT_FOUND: { status: 404, title: 'There is no such user' },
  SAGA_NOT_FOUND: { status: 404, title: 'There is no such saga' },
  ORDER_NOT_PAYABLE: { status: 409, title: 'The order cannot be paid any more' },
  PAYMENT_IN_PROGRESS: { status: 409, title: 'The order is being paid', retryAfter: 1 },
  COUPON_MISMATCH: { status: 409, title: 'The order was to be paid with another coupon' },
  VALIDATION_FAILED: { status: 422, title: 'The order is not sound' },
  COUPON_UNUSABLE: { status: 422, title: 'The coupon cannot be used' },
  BALANCE_INSUFFICIENT: { status: 422, title: 'The balance does not cover the order' },
  STOCK_INSUFFICIENT: { status: 422, title: 'The stock does not cover the order' },
  PAYMENT_FAILED: { status: 422, title: 'The payment was refused' },
  PRODUCT_NOT_FOUND: { status: 422, title: 'A product of the order does not exist' },
  AMOUNT_TOO_LARGE: { status: 422, title: 'The amount is beyond what can be counted exactly' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key belongs to another request' },
} as const satisfies Readonly<Record<string, ProblemRow>> & Readonly<Record<RefusalCode | UnchangedCode, ProblemRow>>;

export type ProblemCode = keyof typeof problems;

/** A request that is turned away. Thrown by parsing and by handlers, answered in one place. */
export class RequestProblem extends Error {
  override readonly name = 'RequestProblem';

  readonly code: ProblemCode;
  readonly members: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ProblemCode, detail: string, members?: Readonly<Record<string, unknown>>) {
    super(detail);
    this.code = code;
    this.members = members;
  }
}

export function answerProblem(
  res: ServerResponse,
  code: ProblemCode,
  detail?: string,
  members?: Readonly<Record<string, unknown>>,
): void {
  const row: ProblemRow = problems[code];
  problem(res, {
    code,
    status: row.status,
    title: row.title,
    ...(row.retryAfter === undefined ? {} : { retryAfter: row.retryAfter }),
    ...(detail === undefined ? {} : { detail }),
    ...(members === undefined ? {} : { members }),
  });
}
