import type { Boundary } from '../../domain/cuts.ts';
import type { RefusalCode } from '../../domain/errors.ts';
import type { Tx } from '../../domain/ports.ts';
import type { Outcome, Saga, UndoOutcome } from './saga.ts';

export interface BoundaryCall {
  readonly boundary: Boundary;
  readonly engine: string;
  /** The worker that owns a saga between boundaries; null where nobody does (choreography). */
  readonly worker: string | null;
  /** Wait for rows another transaction holds, instead of answering `busy`. */
  readonly wait: boolean;
  /** Added processing time, slept once in the transaction. */
  readonly addedMs: number;
}

export interface BoundaryAnswer {
  readonly outcomes: readonly Outcome[];
  /** Asking for the rows -> having them. */
  readonly lockWaitMs: number;
  /** Start of the call -> rows locked. */
  readonly lockedAtMs: number;
}

interface Row {
  readonly saga_id: number;
  readonly outcome: 'ok' | 'already-done' | 'refused' | 'busy' | 'fenced';
  readonly code: RefusalCode | null;
  /** Null when the order's items do not add up. */
  readonly due: number | null;
  readonly discount: number;
  readonly products: number[];
  readonly qtys: number[];
  readonly payment_id: number | null;
  readonly lock_wait_us: number;
  readonly locked_at_us: number;
}

/** One round trip, one transaction: the boundary for every saga of the batch, answers in the same order. */
export async function runBoundary(tx: Tx, call: BoundaryCall, sagas: readonly Saga[]): Promise<BoundaryAnswer> {
  const { boundary, engine, worker, wait, addedMs } = call;
  const rows = await tx.query<Row>(
    `select saga_id, outcome, code, due, discount, products, qtys, payment_id, lock_wait_us, locked_at_us
     from run_boundary($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::payment_facts[], $11)`,
    [
      boundary.name,
      boundary.no,
      boundary.steps.map((step) => step.name),
      boundary.last,
      [boundary.events.passed, boundary.events.refused],
      engine,
      worker,
      wait,
      addedMs,
      factsLiteral(sagas),
      boundary.pivot,
    ],
  );
  const bySaga = new Map(rows.map((row) => [row.saga_id, row]));
  return {
    outcomes: sagas.map((saga) => toOutcome(bySaga.get(saga.sagaId))),
    lockWaitMs: (rows[0]?.lock_wait_us ?? 0) / 1_000,
    lockedAtMs: (rows[0]?.locked_at_us ?? 0) / 1_000,
  };
}

/** Undoes the boundary for every saga of the batch in one transaction. */
export async function undoBoundary(
  tx: Tx,
  { boundary, worker }: Pick<BoundaryCall, 'boundary' | 'worker'>,
  sagas: readonly Saga[],
): Promise<readonly UndoOutcome[]> {
  const rows = await tx.query<{ saga_id: number } & UndoOutcome>(
    'select saga_id, outcome, code from undo_boundary($1, $2, $3, $4, $5, $6::payment_facts[])',
    [
      boundary.name,
      boundary.no,
      boundary.steps.map((step) => step.name),
      boundary.events.undone,
      worker,
      factsLiteral(sagas),
    ],
  );
  const bySaga = new Map(rows.map((row) => [row.saga_id, row]));
  return sagas.map((saga) => bySaga.get(saga.sagaId) ?? { outcome: 'fenced', code: null });
}

function toOutcome(row: Row | undefined): Outcome {
  if (row === undefined || row.outcome === 'fenced') return { outcome: 'fenced' };
  if (row.outcome === 'busy') return { outcome: 'busy' };
  const facts = { due: row.due ?? 0, discount: row.discount, products: row.products, qtys: row.qtys };
  if (row.outcome === 'refused') return { outcome: 'refused', code: row.code ?? 'PAYMENT_FAILED', facts };
  return { outcome: row.outcome, facts, paymentId: row.payment_id };
}

/**
 * A payment_facts[] literal. Only numbers go in, so nothing needs escaping; as one bound parameter it is
 * cheaper to send and to parse than eight arrays.
 */
export function factsLiteral(sagas: readonly Saga[]): string {
  const rows = sagas.map(({ sagaId, epoch, orderId, userId, couponId, facts }) => {
    const known = facts ? `${facts.due},${facts.discount},${list(facts.products)},${list(facts.qtys)}` : ',,,';
    return `"(${sagaId},${epoch},${orderId},${userId},${couponId ?? ''},${known},,)"`;
  });
  return `{${rows.join(',')}}`;
}

const list = (numbers: readonly number[]): string => `\\"{${numbers.join(',')}}\\"`;
