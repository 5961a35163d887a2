import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../runtime/config.ts';
import { type Connection, openConnection } from '../../runtime/database.ts';
import type { Stoppable } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { paymentStreams, projectUserPayments, userPaymentsPositions } from './user-payments-sql.ts';

export interface ProjectorOptions {
  readonly config: Pick<Config, 'databaseUrl'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly limits?: Partial<ProjectorLimits>;
}

interface ProjectorLimits {
  /** Rows of a stream in one transaction. */
  readonly batch: number;
  /** Batches in a row, before the other stream has its turn. */
  readonly batches: number;
  readonly pollMs: number;
  /** After a fault. */
  readonly retryMs: number;
  readonly statementTimeoutMs: number;
}

const projectorLimits: ProjectorLimits = {
  batch: 1_000,
  batches: 20,
  pollMs: 250,
  retryMs: 1_000,
  statementTimeoutMs: 10_000,
};

/**
 * Keeps user_payment up to date, on one connection of its own: it takes no lock that a payment waits for. Several are fine, in this
 * process or others: one works, the others stand by. What a crash cut off was rolled back with its position and is read again.
 */
export function startProjector({ config, metrics, log, limits: given }: ProjectorOptions): Stoppable {
  const limits = { ...projectorLimits, ...given };
  const stopped = new AbortController();
  let connection: Connection | undefined;
  let complained = false;

  const pass = async (): Promise<void> => {
    connection ??= await openConnection(
      {
        url: config.databaseUrl,
        timeoutMs: limits.statementTimeoutMs,
        pinnedPlans: true,
        applicationName: 'sagashift-projector',
      },
      metrics,
    );
    for (const stream of paymentStreams) {
      for (let batch = 0; batch < limits.batches && !stopped.signal.aborted; batch++) {
        if ((await projectUserPayments(connection, stream, limits.batch)).outcome !== 'behind') break;
      }
    }
    const ages = (await userPaymentsPositions(connection)).flatMap(({ ageSeconds }) => ageSeconds ?? []);
    if (ages.length > 0) metrics.projectionAge.set({ projection: 'user-payments' }, Math.max(...ages));
  };
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      let waitMs = limits.pollMs;
      try {
        await pass();
        complained = false;
      } catch (fault) {
        if (!complained) log.warn({ err: fault }, 'cannot bring user_payment up to date, will try again');
        complained = true;
        waitMs = limits.retryMs;
      }
      await sleep(waitMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
    await connection?.close();
  })();
  return {
    async stop() {
      stopped.abort();
      await loop;
    },
  };
}
