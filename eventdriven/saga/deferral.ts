import type { Logger } from 'pino';

import type { Tx } from '../../domain/ports.ts';
import { deferSagas } from './rescue-sql.ts';
import type { Saga } from './saga.ts';

/** Before a saga's second try, less up to half as jitter. It doubles from there. */
const firstDelayMs = 100;
/** From this many faults in a row a saga is shown to people. It is tried on. */
const attentionAfter = 8;

/** Puts a saga aside after a technical fault. If even that fails the rescuer finds it by its owner or by its age. */
export async function defer(db: Tx, log: Logger, saga: Saga, error: unknown): Promise<void> {
  log.warn({ err: error, sagaId: saga.sagaId, orderId: saga.orderId }, 'saga put aside after a fault');
  const text = error instanceof Error ? error.message : String(error);
  await deferSagas(db, [saga], firstDelayMs, text, attentionAfter).catch((again: unknown) => {
    log.error({ err: again, sagaId: saga.sagaId }, 'could not record the fault; the rescuer will find the saga');
  });
}
