import type { Tx } from '../../domain/ports.ts';
import { type Pool, sqlState } from '../../runtime/database.ts';
import { type Operator, recordActions } from '../../runtime/operator-actions.ts';
import { isPoison, isRetryable } from '../saga/faults.ts';
import { type OpenBooks, readOpenBooks } from './open-books.ts';
import { type ActionRefusal, refusalOf, type SagaAction } from './refuse-action.ts';
import { giveSagaUp, type LockedSaga, lockSaga, retrySaga, type SagaMark, turnSagaBack } from './settle-saga-sql.ts';

/** What became of one saga. `would`: a rehearsal, nothing has changed. `failed`: the database would not, and says why; nothing has changed. */
export type Settled =
  | {
      readonly sagaId: number;
      readonly outcome: 'done' | 'would';
      readonly orderId: number;
      readonly before: SagaMark;
      /** Of a rehearsal: as before. */
      readonly after: SagaMark;
      /** Of a saga that is given up. */
      readonly leftOpen?: OpenBooks;
    }
  | ({ readonly sagaId: number; readonly outcome: 'refused'; readonly before: SagaMark } & ActionRefusal)
  | { readonly sagaId: number; readonly outcome: 'unknown' | 'failed'; readonly message: string };

export interface SettleOptions {
  /** Default false. */
  readonly dryRun?: boolean;
  readonly signal: AbortSignal;
}

type Act = (tx: Tx, sagaId: number, mark: SagaMark, by: Operator) => Promise<SagaMark>;
const acts: Readonly<Record<SagaAction, Act>> = {
  retry: retrySaga,
  compensate: (tx, sagaId, mark, by) => turnSagaBack(tx, sagaId, mark, `turned back by ${by.actor}: ${by.reason}`),
  skip: giveSagaUp,
};

/**
 * Does it to each of these sagas, in the order of their ids, a transaction each: one that is refused or fails holds back none of the
 * others, and no saga waits for its neighbour's. Tells of each as it is done: when the database goes away in the middle this throws,
 * and what was told is done all the same. Stops between two when `signal` aborts.
 */
export async function* settleSagas(
  pool: Pool,
  action: SagaAction,
  sagaIds: readonly number[],
  by: Operator,
  { dryRun = false, signal }: SettleOptions,
): AsyncGenerator<Settled, void> {
  for (const sagaId of [...new Set(sagaIds)].sort((a, b) => a - b)) {
    if (signal.aborted) return;
    yield await pool
      .transaction((tx) => settleSaga(tx, action, sagaId, by, dryRun))
      .catch((error: unknown) => failed(sagaId, error));
  }
}

/** In the caller's transaction, with who did it and why; also when it is refused: whoever reads the record sees what was tried. */
export async function settleSaga(
  tx: Tx,
  action: SagaAction,
  sagaId: number,
  by: Operator,
  dryRun = false,
): Promise<Settled> {
  const saga = await lockSaga(tx, sagaId);
  const keepRefused = async (before: object, refused: string): Promise<void> => {
    if (!dryRun) await recordActions(tx, by, [{ subject: `saga ${sagaId}`, before, after: { refused } }]);
  };
  if (saga === undefined) {
    await keepRefused({}, 'UNKNOWN');
    return { sagaId, outcome: 'unknown', message: `there is no saga ${sagaId}` };
  }
  const refusal = refusalOf(action, saga);
  if (refusal !== undefined) {
    await keepRefused(saga.mark, refusal.code);
    return { sagaId, outcome: 'refused', before: saga.mark, ...refusal };
  }
  return dryRun ? rehearsed(tx, action, sagaId, saga) : act(tx, action, sagaId, saga, by);
}

async function act(tx: Tx, action: SagaAction, sagaId: number, saga: LockedSaga, by: Operator): Promise<Settled> {
  const { mark: before, orderId } = saga;
  const after = await acts[action](tx, sagaId, before, by);
  const left = await leftOpen(tx, action, orderId);
  await recordActions(tx, by, [{ subject: `saga ${sagaId}`, before, after: { ...after, ...left } }]);
  return { sagaId, outcome: 'done', orderId, before, after, ...left };
}

async function rehearsed(tx: Tx, action: SagaAction, sagaId: number, saga: LockedSaga): Promise<Settled> {
  const { mark: before, orderId } = saga;
  return { sagaId, outcome: 'would', orderId, before, after: before, ...(await leftOpen(tx, action, orderId)) };
}

async function leftOpen(tx: Tx, action: SagaAction, orderId: number): Promise<{ leftOpen?: OpenBooks }> {
  const books = action === 'skip' ? await readOpenBooks(tx, orderId) : undefined;
  return books === undefined ? {} : { leftOpen: books };
}

/** Lock and statement time-outs: a boundary has the saga in hand for longer than an action waits. */
const waitedLong = new Set(['55P03', '57014']);

/** Of this one saga: its data, or somebody who holds it. Everything else is the database's and ends the command. */
function failed(sagaId: number, error: unknown): Settled {
  if (waitedLong.has(sqlState(error) ?? '')) {
    return { sagaId, outcome: 'failed', message: 'a transaction holds it for longer than this waits; try again' };
  }
  if (!(isPoison(error) || isRetryable(error)) || !(error instanceof Error)) throw error;
  return { sagaId, outcome: 'failed', message: error.message };
}
