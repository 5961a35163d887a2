import type { Logger } from 'pino';

import type { Tx } from '../../domain/ports.ts';
import type { Config } from '../../runtime/config.ts';
import type { Style } from './doorbell.ts';
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
  readonly active: ReadonlyMap<number, unknown>;
  readonly takeOver: (rescued: RescuedSaga) => void;
}

export function openRescuer({ config, db, engine, role, log, active, takeOver }: OpenRescuerOptions): Promise<Rescuer> {
  const addedMs = Object.values(config.addedMs).reduce((sum, ms) => sum + ms, 0);
  return startRescuer({
    db,
    engine,
    worker: config.workerId,
    role,
    log,
    unownedMs: unownedMs + 5 * addedMs,
    active: () => [...active.keys()],
    takeOver: (rescued) => {
      for (const one of rescued) takeOver(one);
    },
  });
}
