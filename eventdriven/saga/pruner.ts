import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

import type { Tx } from '../../domain/ports.ts';
import type { Metrics } from '../../runtime/metrics.ts';

export interface PrunerOptions {
  readonly db: Tx;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly retentionMs: number;
  /** Default every minute. */
  readonly everyMs?: number;
}

/** Small, because the connection's heartbeat waits behind it. */
const batchSize = 200;
/** In a row, so that a backlog of months does not keep the connection: the next round goes on. */
const maxBatches = 50;

export interface Pruner {
  /** How many sagas lost their receipts. */
  runOnce(): Promise<number>;
  stop(): Promise<void>;
}

/** Deletes the receipts of sagas that ended long ago. Several at once are fine: each skips what another holds. */
export function startPruner({ db, log, metrics, retentionMs, everyMs = 60_000 }: PrunerOptions): Pruner {
  const stopped = new AbortController();
  let from = 0;
  const runOnce = async (): Promise<number> => {
    let pruned = 0;
    for (let batch = 0; batch < maxBatches && !stopped.signal.aborted; batch++) {
      const [row] = await db.query<{ pruned: number; next_saga: number | null }>(
        'select * from prune_receipts($1::interval, $2, $3)',
        [`${retentionMs} ms`, from, batchSize],
      );
      pruned += row?.pruned ?? 0;
      from = row?.next_saga ?? 0;
      if (from === 0) break;
    }
    metrics.receiptsPruned.inc(pruned);
    return pruned;
  };
  const loop = (async () => {
    for (;;) {
      await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      await runOnce().catch((error: unknown) => {
        log.warn({ err: error }, 'could not prune receipts; the next round tries again');
      });
    }
  })();
  return {
    runOnce,
    async stop() {
      stopped.abort();
      await loop;
    },
  };
}
