import type { RequestHandler } from 'express';
import type { z } from 'zod';
import type { Tx } from '../domain/ports.ts';
import { answerJson } from './answers.ts';
import { RequestProblem } from './problems.ts';
import { idFrom } from './request-ids.ts';
import { userExists } from './top-up-sql.ts';
import { pageLimit, userPaymentsQuery } from './user-payments-schemas.ts';
import { readFreshness, readUserPayments } from './user-payments-sql.ts';

/**
 * GET /v1/users/:userId/payments, from the projection. Pages follow each other by payment number: what is paid in between does not
 * move them, and is found by starting again.
 */
export function listUserPayments(tx: Tx): RequestHandler<{ userId: string }> {
  return async (req, res) => {
    const userId = idFrom('userId', req.params.userId);
    const { limit = pageLimit.default, before = Number.MAX_SAFE_INTEGER } = pageFrom(req.query);
    const freshness = await readFreshness(tx);
    const found = await readUserPayments(tx, userId, before, limit + 1); // one more tells whether there is a next page
    if (found.length === 0 && !(await userExists(tx, userId)))
      throw new RequestProblem('USER_NOT_FOUND', `user ${userId} does not exist`, { userId });
    const payments = found.slice(0, limit);
    const last = payments.at(-1)?.paymentId;
    const next = found.length > limit ? `/v1/users/${userId}/payments?limit=${limit}&before=${last}` : null;
    answerJson(res, 200, { userId, payments, next, ...freshness });
  };
}

function pageFrom(query: unknown): z.infer<typeof userPaymentsQuery> {
  const parsed = userPaymentsQuery.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new RequestProblem(
    'MALFORMED_REQUEST',
    `${where === '' ? 'the query' : where}: ${issue?.message ?? 'invalid'}`,
  );
}
