import { type Pool, sqlState } from '../../runtime/database.ts';
import {
  forgetUserPayments,
  hasForeignTransactions,
  paymentStreams,
  projectUserPayments,
} from './user-payments-sql.ts';

const batch = 10_000;
/** A projector has its positions for one batch, another rebuild for all of them. */
const patienceMs = 2_000;
const lockNotAvailable = '55P03';

/** A dump that was restored on another server: its rows carry transaction ids that here belong to the future. */
export class ForeignTransactions extends Error {
  override readonly name = 'ForeignTransactions';
}

/** Somebody else is rebuilding: the positions are not to be had. */
export class RebuildUnderWay extends Error {
  override readonly name = 'RebuildUnderWay';
}

/**
 * Reads both streams again from their first row, in one transaction: until it commits, readers see the list as it was and projectors
 * stand by. Payments that were under way when it began are left to the projector. Returns how many rows were read. Throws
 * ForeignTransactions, RebuildUnderWay, or the signal's reason; then nothing has changed.
 */
export const rebuildUserPayments = (pool: Pool, signal: AbortSignal): Promise<number> =>
  pool.transaction(async (tx) => {
    await forgetUserPayments(tx, patienceMs).catch((error: unknown) => {
      signal.throwIfAborted();
      if (sqlState(error) !== lockNotAvailable) throw error;
      throw new RebuildUnderWay('somebody else is rebuilding: wait until that is done', { cause: error });
    });
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
