import type { Tx } from '../../../domain/ports.ts';
import type { Style } from '../../../eventdriven/saga/doorbell.ts';
import type { Outcome, Saga, UndoOutcome } from '../../../eventdriven/saga/saga.ts';
import { sqlState } from '../../../runtime/database.ts';
import { doors } from '../sagas.ts';

/** One request to one boundary, as a worker sent it. It may arrive twice, late, or never. */
export interface Message {
  readonly at: number;
  readonly op: 'execute' | 'undo';
  readonly sagas: readonly Saga[];
  readonly engine: Style;
  readonly worker: string | null;
}

export interface Delivery {
  readonly rolledBack?: boolean;
  readonly wait?: boolean;
}

/** The answers; undefined when the transaction did not commit. `connections`: one for each boundary. */
export async function deliver(
  connections: readonly Tx[],
  { at, op, sagas, engine, worker }: Message,
  { rolledBack = false, wait = true }: Delivery = {},
): Promise<readonly (Outcome | UndoOutcome)[] | undefined> {
  const db = connections[at] as Tx;
  const { run, undo } = doors(db, { engine, worker });
  const ask = () => (op === 'execute' ? run(at, sagas, wait) : undo(at, sagas));
  try {
    if (!rolledBack) return await ask();
    await db.query('begin');
    await ask().finally(() => db.query('rollback'));
    return undefined;
  } catch (error) {
    if (['40001', '40P01'].includes(sqlState(error) ?? '')) return undefined;
    throw error;
  }
}
