import type { Logger } from 'pino';

import type { Tx } from '../../domain/ports.ts';
import { deferSagas } from './rescue-sql.ts';
import type { Saga } from './saga.ts';

/** Capped exponential backoff with jitter, in milliseconds: 100 ms after the first fault, at most 30 s. */
export function backoffMs(attempts: number, random: () => number): number {
  const full = Math.min(30_000, 100 * 2 ** Math.min(attempts, 20));
  return Math.round(full / 2 + (full / 2) * random());
}

/** From this many faults in a row a saga is shown to people. It is tried on. */
export const attentionAfter = 8;

/** Puts a saga aside after a technical fault. If even that fails the rescuer finds it by its owner or by its age. */
export async function defer(db: Tx, log: Logger, saga: Saga, attempts: number, error: unknown): Promise<void> {
  const delayMs = backoffMs(attempts, Math.random);
  log.warn({ err: error, sagaId: saga.sagaId, orderId: saga.orderId, attempts, delayMs }, 'saga put aside after a fault');
  const text = error instanceof Error ? error.message : String(error);
  await deferSagas(db, [saga], delayMs, text, attentionAfter).catch((again: unknown) => {
    log.error({ err: again, sagaId: saga.sagaId }, 'could not record the fault; the rescuer will find the saga');
  });
}
