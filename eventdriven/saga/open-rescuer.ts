import type { Logger } from 'pino';

import type { Tx } from '../../domain/ports.ts';
import type { Config } from '../../runtime/config.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Style } from './doorbell.ts';
import { startPruner } from './pruner.ts';
import type { RescuedSaga } from './rescue-sql.ts';
import { type Rescuer, silentMs, startRescuer } from './rescuer.ts';

/**
 * A saga that nobody owns, no living worker has in hand and that has not moved for so long has lost its wake-up call; while
 * jobs wait in the queues it may be in one of them and has three times as long. As long as a worker may be silent, so that all
 * of what it leaves behind is found at once.
 */
const unownedMs = silentMs;

export interface OpenRescuerOptions {
  readonly config: Config;
  readonly db: Tx;
  readonly engine: Style;
  readonly role: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly versions: readonly number[];
  /** Sagas in hand. */
  readonly active: () => readonly number[];
  readonly jobsWait: () => boolean;
  readonly takeOver: (rescued: RescuedSaga) => void;
}

/** The rescuer of a worker, and beside it, on the same connection, the pruner of receipts. */
export async function openRescuer(options: OpenRescuerOptions): Promise<Rescuer> {
  const { config, db, log, metrics, takeOver } = options;
  const rescuer = await startRescuer({
    ...options,
    worker: config.workerId,
    unownedMs,
    off: config.sabotage === 'rescuer-off',
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
