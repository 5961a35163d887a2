import type { Pool } from '../../runtime/database.ts';
import {
  forgetUserPayments,
  hasForeignTransactions,
  paymentStreams,
  projectUserPayments,
} from './user-payments-sql.ts';

const batch = 10_000;

/** A dump that was restored on another server: its rows carry transaction ids that here belong to the future. */
export class ForeignTransactions extends Error {
  override readonly name = 'ForeignTransactions';
}

/**
 * Reads both streams again from their first row, in one transaction: until it commits, readers see the list as it was and projectors
 * stand by. Payments that were under way when it began are left to the projector. Returns how many rows were read.
 */
export const rebuildUserPayments = (pool: Pool, signal: AbortSignal): Promise<number> =>
  pool.transaction(async (tx) => {
    await forgetUserPayments(tx);
    if (await hasForeignTransactions(tx)) {
      throw new ForeignTransactions(
        'events or payments carry transaction ids that this server has not given yet, as after the restore of a dump: see "After a restore" in docs/event-sourcing.md',
      );
    }
    let rowsRead = 0;
    for (const stream of paymentStreams) {
      for (let more = true; more;) {
        signal.throwIfAborted();
        const projected = await projectUserPayments(tx, stream, batch);
        rowsRead += projected.rowsRead;
        more = projected.outcome === 'behind';
      }
    }
    return rowsRead;
  });
