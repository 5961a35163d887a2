import type { RefusalCode } from '../domain/errors.ts';
import type { PayOrder } from '../domain/payment-engine.ts';
import type { Pool } from '../runtime/database.ts';
import { type Paid, payOrder } from './lean-sql.ts';

/** Carries the answer of a transaction out of its rollback. */
class RolledBack extends Error {
  readonly outcome: Paid | RefusalCode;

  constructor(outcome: Paid | RefusalCode) {
    super('rolled back on purpose');
    this.outcome = outcome;
  }
}

/**
 * The test fault `answer-before-commit`: pays, answers, and then does not commit, as a server that says 201 before a COMMIT
 * which fails. Whoever keeps a log of the answers must be able to show the payment that does not exist.
 */
export async function payWithoutCommit(pool: Pool, command: PayOrder, engine: string): Promise<Paid | RefusalCode> {
  try {
    return await pool.transaction(async (tx) => {
      throw new RolledBack(await payOrder(tx, command, engine, []));
    });
  } catch (error) {
    if (error instanceof RolledBack) return error.outcome;
    throw error;
  }
}
