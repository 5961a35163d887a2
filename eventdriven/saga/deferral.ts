import type { Logger } from 'pino';

import type { Tx } from '../../domain/ports.ts';
import { type Backoff, deferSagas } from './rescue-sql.ts';
import type { Saga } from './saga.ts';

/** Puts a saga aside after a technical fault. If even that fails the rescuer finds it by its owner or by its age. */
export async function defer(db: Tx, log: Logger, backoff: Backoff, saga: Saga, error: unknown): Promise<void> {
  log.warn({ err: error, sagaId: saga.sagaId, orderId: saga.orderId }, 'saga put aside after a fault');
  const text = error instanceof Error ? error.message : String(error);
  await deferSagas(db, [saga], text, backoff).catch((again: unknown) => {
    log.error({ err: again, sagaId: saga.sagaId }, 'could not record the fault; the rescuer will find the saga');
  });
}
