import { setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from 'pino';

import type { Tx } from '../../domain/ports.ts';
import { beat, type RescueCall, type RescuedSaga, rescueSagas } from './rescue-sql.ts';

export interface RescuerOptions {
  readonly db: Tx;
  readonly engine: string;
  readonly worker: string;
  readonly role: string;
  readonly log: Logger;
  readonly unownedMs: number;
  /** Whether jobs wait that this worker has not heard yet: sagas may be in them, and are given more time. Default: never. */
  readonly jobsWait?: () => boolean;
  readonly versions: readonly number[];
  /** Beats and claims nothing. Only to prove what the rescuer is good for. */
  readonly off: boolean;
  /** Sagas in hand, asked for before every beat and the sweep that follows it. */
  readonly active: () => readonly number[];
  /** Takes the rescued over; must not throw. */
  readonly takeOver: (rescued: readonly RescuedSaga[]) => void;
}

/** Workers beat every 0.5 s, one silent for 2 s is dead. */
export const beatMs = 500;
export const silentMs = 2_000;
/** So many times longer nobody's saga may stand still while jobs wait: to claim it would send it to the end of their queue. */
const patienceWhileJobsWait = 3;
/** At most this many per sweep, so that a recovering database is not flooded. */
const maxPerSweep = 500;
/** With this many sagas in hand a worker claims no more: after a long outage the rest waits in Postgres, not in memory. */
const maxInHand = 4_000;

export interface Rescuer {
  runOnce(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Heartbeat and rescue in one loop: a worker that cannot reach the database neither beats nor claims, and one that can
 * does both. Several rescuers at once are fine: claims skip what another holds, and each raises the epoch.
 */
export async function startRescuer(options: RescuerOptions): Promise<Rescuer> {
  const { db, engine, worker, role, log, versions } = options;
  const stopped = new AbortController();
  const runOnce = async (): Promise<number> => {
    const active = options.active();
    await beat(db, worker, role, active);
    if (options.off) return 0;
    const maxCount = Math.min(maxPerSweep, maxInHand - active.length);
    if (maxCount <= 0) return 0;
    const unownedMs = options.unownedMs * (options.jobsWait?.() ? patienceWhileJobsWait : 1);
    const call: RescueCall = { engine, worker, versions, active, maxCount, silentMs, unownedMs };
    const rescued = await rescueSagas(db, call);
    if (rescued.length > 0) {
      const expired = rescued.filter((one) => one.expired).length;
      log.warn({ engine, rescued: rescued.length, expired, first: rescued[0]?.saga.sagaId }, 'rescued sagas');
      options.takeOver(rescued);
    }
    return rescued.length;
  };
  await beat(db, worker, role);
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      await sleep(beatMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      await runOnce().catch((error: unknown) => {
        log.error({ err: error, engine }, 'rescue sweep failed; the next one tries again');
      });
    }
  })();
  return {
    runOnce,
    stop: async () => {
      stopped.abort();
      await loop;
    },
  };
}
