import type { Tx } from '../../domain/ports.ts';
import { openPool } from '../../runtime/database.ts';
import { cancelOnAbort } from '../cancel-on-abort.ts';
import { compareBalances } from './balances.ts';
import { compareLists } from './lists.ts';
import { compareOrders } from './orders.ts';
import { snapshotWriter } from './snapshots.ts';
import { compareStocks } from './stocks.ts';
import { createTally } from './tally.ts';
import { recordRun } from '../record.ts';
import { scoreOf } from '../score.ts';
import type { VerificationReport } from '../verifier.ts';
import { assertFitDatabase } from '../unfit.ts';

export interface FromEventsOptions {
  /** Begin each balance at its snapshot, where the ledger bears it out. Faster, and blind to what is wrong before it. Default: from nothing. */
  readonly fromSnapshots?: boolean;
  /** Write a snapshot of each balance that was proven and has grown enough since its last. Default: only read. */
  readonly writeSnapshots?: boolean;
  /** Write the result to verification_run and verification_finding. Default: only read. */
  readonly record?: boolean;
  readonly signal?: AbortSignal;
}

export interface FromEventsReport extends VerificationReport {
  /** Whether there was an event, a balance and a stock to rebuild something from. */
  readonly rebuilt: boolean;
  readonly snapshotsWritten: number;
}

/**
 * Rebuilds orders and payments of sagas from their events, balances and stocks from their ledgers, and compares them with the tables, all in
 * one snapshot, reading only, in bounded memory. Throws NotOursError on a database that is not marked as ours. When the signal says so
 * it rejects with its reason, also in the middle of a statement.
 */
export async function verifyFromEvents(url: string, options: FromEventsOptions = {}): Promise<FromEventsReport> {
  const { fromSnapshots = false, writeSnapshots = false, record = false, signal } = options;
  const startedAt = new Date();
  await assertFitDatabase(url);
  const pool = openPool({ url, size: 2, applicationName: 'sagashift-verifier' });
  const canceller = cancelOnAbort(url, signal);
  const tally = createTally();
  const writer = writeSnapshots ? snapshotWriter(pool) : undefined;
  try {
    const checked = await pool.transaction(
      async (tx) => {
        await tx.query(
          `set local work_mem = '64MB'; set local jit = off; set local max_parallel_workers_per_gather = 0`,
        );
        const [backend] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
        if (backend !== undefined) canceller.watch(backend.pid);
        await compareOrders(tx, tally, signal);
        await compareBalances(tx, tally, { fromSnapshots, ...(writer && { onProven: writer.offer }) }, signal);
        await compareStocks(tx, tally, signal);
        await compareLists(tx, tally);
        return ordersByEngine(tx);
      },
      { isolation: 'repeatable read', readOnly: true },
    );
    const snapshotsWritten = (await writer?.end()) ?? 0;
    const perInvariant = tally.findings();
    const examined = (code: string): number => perInvariant.find((finding) => finding.code === code)?.examined ?? 0;
    const report: FromEventsReport = {
      mode: 'from-events',
      checked,
      unexamined: [],
      perInvariant,
      violations: perInvariant.reduce((sum, { violations }) => sum + violations, 0),
      score: scoreOf(tally.touched(), examined('F1')),
      startedAt: startedAt.toISOString(),
      durationMs: Date.now() - startedAt.getTime(),
      rebuilt: ['F1', 'F4', 'F5'].every((code) => examined(code) > 0),
      snapshotsWritten,
    };
    if (record) await recordRun(pool, report);
    return report;
  } catch (error) {
    signal?.throwIfAborted(); // What was cancelled says so less well.
    throw error;
  } finally {
    await canceller.stop();
    await pool.close();
  }
}

/** Orders of sagas, by engine: those of others are not rebuilt. */
async function ordersByEngine(tx: Tx): Promise<Record<string, number>> {
  const rows = await tx.query<{ engine: string; orders: number }>(
    'select s.saga_type as engine, count(*) as orders from saga_state s where s.event_count > 0 group by 1 order by 1',
  );
  return Object.fromEntries(rows.map(({ engine, orders }) => [engine, orders]));
}
