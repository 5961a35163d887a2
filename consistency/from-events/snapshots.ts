import type { Pool } from '../../runtime/database.ts';

/** A balance at a version of its ledger. */
export interface BalanceSnapshot {
  readonly userId: number;
  readonly amount: number;
  readonly version: number;
}

/** Entries since the last snapshot that make another one worth its row. */
const worthwhile = 100;
const batchSize = 1_000;

export interface SnapshotWriter {
  offer(snapshot: BalanceSnapshot, entries: number): Promise<void>;
  /** Writes what is left. Resolves with how many were written. */
  end(): Promise<number>;
}

/** Writes snapshots in batches, each a transaction of its own: they are proven one by one, so that some without the others do no harm. */
export function snapshotWriter(pool: Pool): SnapshotWriter {
  let waiting: BalanceSnapshot[] = [];
  let written = 0;
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    if (batch.length > 0) await pool.query(insertSql, [JSON.stringify(batch)]);
    written += batch.length;
  };
  return {
    async offer(snapshot, entries) {
      if (entries < worthwhile) return;
      waiting.push(snapshot);
      if (waiting.length >= batchSize) await flush();
    },
    async end() {
      await flush();
      return written;
    },
  };
}

/** Of two writers at once either may be last: what both write is proven. What was wrong is replaced, whatever version it claimed. */
const insertSql = `
  insert into balance_snapshot (user_id, amount, version)
  select "userId", amount, version from jsonb_to_recordset($1) x ("userId" bigint, amount bigint, version bigint) order by "userId"
  on conflict (user_id) do update set amount = excluded.amount, version = excluded.version, created_at = now()`;
