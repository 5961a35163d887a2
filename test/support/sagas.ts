import { type Boundary, type Cut, microTransactions } from '../../domain/cuts.ts';
import type { Tx } from '../../domain/ports.ts';
import { acceptSagas } from '../../eventdriven/saga/accept-sql.ts';
import { runBoundary, undoBoundary } from '../../eventdriven/saga/boundary-sql.ts';
import type { Style } from '../../eventdriven/saga/doorbell.ts';
import type { Lane } from '../../eventdriven/saga/lane.ts';
import type { Outcome, Saga, UndoOutcome } from '../../eventdriven/saga/saga.ts';

export interface OrderToPay {
  readonly id: number;
  readonly userId: number;
  readonly couponId?: number | null;
}

/** Accepts the payments in one transaction. Sagas in the order of their orders; throws when one was not accepted. */
export async function accept(
  tx: Tx,
  orders: readonly OrderToPay[],
  engine: Style = 'orchestration',
  { version = 1, deadlineMs = 30_000 } = {},
): Promise<Saga[]> {
  const commands = orders.map(({ id, userId, couponId = null }) => {
    const route = { side: 'saga', reason: 'pinned', bucket: userId % 100, version: 1 } as const;
    return { orderId: id, userId, couponId, route };
  });
  const accepted = await acceptSagas(tx, engine, commands, deadlineMs, version);
  return commands.map(({ orderId, userId, couponId }, i) => {
    const answer = accepted[i];
    if (answer?.verdict !== 'CLAIMED') throw new Error(`order ${orderId} was not accepted: ${JSON.stringify(answer)}`);
    return { sagaId: answer.sagaId, orderId, userId, couponId, epoch: 1, version };
  });
}

export interface DoorOptions {
  readonly cut?: Cut;
  readonly engine?: Style;
  readonly worker?: string | null;
}

/** The boundaries of a cut over one connection, called directly: by number, counted from 0. */
export function doors(tx: Tx, { cut = microTransactions, engine = 'orchestration', worker = 'w1' }: DoorOptions = {}) {
  const at = (i: number): Boundary => {
    const boundary = cut[i];
    if (boundary === undefined) throw new RangeError(`the cut has no boundary ${i}`);
    return boundary;
  };
  const run = async (i: number, sagas: readonly Saga[], wait = false): Promise<readonly Outcome[]> =>
    (await runBoundary(tx, { boundary: at(i), engine, worker, wait, addedMs: 0 }, sagas)).outcomes;
  const undo = (i: number, sagas: readonly Saga[]): Promise<readonly UndoOutcome[]> =>
    undoBoundary(tx, { boundary: at(i), worker }, sagas);

  /** Runs the boundaries up to and without `to`; gives back the sagas that passed all, with their facts. */
  const pass = async (sagas: readonly Saga[], to: number): Promise<Saga[]> => {
    let passed = [...sagas];
    for (let i = 0; i < to; i++) {
      const outcomes = await run(i, passed);
      passed = passed.flatMap((saga, n) => {
        const out = outcomes[n];
        return out?.outcome === 'ok' ? [{ ...saga, facts: out.facts }] : [];
      });
    }
    return passed;
  };

  /** As the worker sees them: one saga at a time, waiting for its rows. */
  const lanes: readonly Lane[] = cut.map((boundary, i) => ({
    boundary,
    execute: async (saga) => (await run(i, [saga], true))[0] as Outcome,
    undo: async (saga) => (await undo(i, [saga]))[0] as UndoOutcome,
    drained: async () => undefined,
  }));
  return { run, undo, pass, lanes };
}

/** What a person or a deadline may do: from now on the saga goes back. False when it no longer runs. */
export async function turnBack(tx: Tx, sagaId: number, code = 'PAYMENT_FAILED'): Promise<boolean> {
  const rows = await tx.query(
    `update saga_state set status = 'COMPENSATING', failure_code = $2 where saga_id = $1 and status = 'RUNNING' returning saga_id`,
    [sagaId, code],
  );
  return rows.length > 0;
}
