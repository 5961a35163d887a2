import type { Logger } from 'pino';

import type { Tx } from '../../domain/ports.ts';
import type { Config } from '../../runtime/config.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Style } from './doorbell.ts';
import { startPruner } from './pruner.ts';
import type { RescuedSaga } from './rescue-sql.ts';
import { type Rescuer, startRescuer } from './rescuer.ts';

/** An accepted saga that nobody moves for this long has lost its wake-up call. Added processing time comes on top. */
const unownedMs = 3_000;

export interface OpenRescuerOptions {
  readonly config: Config;
  readonly db: Tx;
  readonly engine: Style;
  readonly role: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly versions: readonly number[];
  readonly active: ReadonlyMap<number, unknown>;
  readonly takeOver: (rescued: RescuedSaga) => void;
}

/** The rescuer of a worker, and beside it, on the same connection, the pruner of receipts. */
export async function openRescuer(options: OpenRescuerOptions): Promise<Rescuer> {
  const { config, db, log, metrics, active, takeOver } = options;
  const addedMs = Object.values(config.addedMs).reduce((sum, ms) => sum + ms, 0);
  const rescuer = await startRescuer({
    ...options,
    worker: config.workerId,
    unownedMs: unownedMs + 5 * addedMs,
    off: config.sabotage === 'rescuer-off',
    active: () => [...active.keys()],
    takeOver: (rescued) => {
      for (const one of rescued) {
        metrics.sagaRecovered.inc();
        if (one.expired) metrics.sagaExpired.inc();
        takeOver(one);
      }
    },
  });
  const pruner = startPruner({ db, log, metrics, retentionMs: config.saga.receiptRetentionMs });
  return {
    runOnce: rescuer.runOnce,
    async stop() {
      await pruner.stop();
      await rescuer.stop();
    },
  };
}
