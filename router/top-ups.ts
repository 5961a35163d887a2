import type { RequestHandler } from 'express';
import { type Pool, sqlState } from '../runtime/database.ts';
import { answerJson } from './answers.ts';
import { idempotencyKey, topUpBody } from './api-schemas.ts';
import { readBody } from './json-body.ts';
import { RequestProblem } from './problems.ts';
import { idFrom } from './request-ids.ts';
import { addTopUp, readTopUp, type TopUpRow, userExists } from './top-up-sql.ts';

const uniqueViolation = '23505';

/** POST /v1/users/:userId/top-ups with an Idempotency-Key: a retry gets the first answer, and the money comes once. */
export function topUp(pool: Pool): RequestHandler<{ userId: string }> {
  return async (req, res) => {
    const userId = idFrom('userId', req.params.userId);
    const key = idempotencyKey.safeParse(req.headers['idempotency-key']);
    if (!key.success)
      throw new RequestProblem('MALFORMED_REQUEST', 'Idempotency-Key must be 1 to 200 visible ASCII characters');
    const { amountWon } = await readBody(req, topUpBody);
    const done = (await readTopUp(pool, key.data)) ?? (await add(pool, key.data, userId, amountWon));
    if (done.userId !== userId || done.amount !== amountWon) {
      throw new RequestProblem('IDEMPOTENCY_KEY_REUSED', 'the key was used for another user or amount');
    }
    answerJson(res, 201, { userId, amountWon, balanceWon: done.balanceAfter });
  };
}

/** The key's uniqueness decides between two at once: the loser's statement is undone as a whole and reads the winner's answer. */
async function add(pool: Pool, key: string, userId: number, amountWon: number): Promise<TopUpRow> {
  try {
    const added = await addTopUp(pool, key, userId, amountWon);
    if (added !== undefined) return added;
  } catch (error) {
    const winner = sqlState(error) === uniqueViolation ? await readTopUp(pool, key) : undefined;
    if (winner !== undefined) return winner;
    throw error;
  }
  if (!(await userExists(pool, userId)))
    throw new RequestProblem('USER_NOT_FOUND', `user ${userId} does not exist`, { userId });
  throw new RequestProblem('AMOUNT_TOO_LARGE', 'the balance would be beyond 2^53 - 1 won');
}
