import { paymentStreams, projectUserPayments } from '../../eventdriven/projections/user-payments-sql.ts';
import type { Pool } from '../../runtime/database.ts';

/** Resolves when no transaction is open any more that was open when this began, in any database of the server: those hold readers by position back. */
export async function transactionsEnded(pool: Pool): Promise<void> {
  const [begun] = await pool.query<{ xid: string }>('select pg_snapshot_xmax(pg_current_snapshot())::text as xid');
  for (;;) {
    const [open] = await pool.query<{ ended: boolean }>(
      'select pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 as ended',
      [begun!.xid],
    );
    if (open!.ended) return;
  }
}

/** Projects one batch of each stream after another until all is in that had committed when this began. */
export async function readUp(pool: Pool, max: number): Promise<void> {
  const [row] = await pool.query<{ now: Date }>('select clock_timestamp() as now');
  for (const stream of paymentStreams) {
    for (let asOf: Date | null = null; asOf === null || asOf < row!.now;)
      asOf = (await projectUserPayments(pool, stream, max)).asOf;
  }
}
