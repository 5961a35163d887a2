import type { Tx } from '../../domain/ports.ts';
import { silentMs } from '../saga/rescuer.ts';
import { styleOfRole } from './count-sagas.ts';
import type { SagaStatus } from './find-sagas.ts';
import { heldSagas } from './held-sagas-sql.ts';

export interface SagaState {
  readonly sagaId: number;
  readonly orderId: number;
  readonly style: string;
  readonly version: number;
  readonly status: SagaStatus;
  readonly step: string;
  readonly epoch: number;
  readonly attempts: number;
  readonly failureCode: string | null;
  readonly error: string | null;
  /** What it goes on or back with; the only copy. */
  readonly facts: object | null;
  readonly owner: string | null;
  /** When its owner was last heard of; null when it has none, or nobody ever heard of it. */
  readonly ownerBeatAt: Date | null;
  /** A living worker that said with its last beat that it has the saga in hand, whether or not it owns it. */
  readonly inHandOf: string | null;
  readonly inHandBeatAt: Date | null;
  /** Workers that run sagas of its style, heard of lately. */
  readonly workersAlive: number;
  readonly deadlineAt: Date | null;
  readonly nextRunAt: Date | null;
  readonly attentionAt: Date | null;
  readonly prunedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The database's clock. */
  readonly now: Date;
}

export async function readState(tx: Tx, sagaId: number): Promise<SagaState | undefined> {
  const [row] = await tx.query<SagaState>(
    `with ${heldSagas}
     select s.saga_id as "sagaId", s.order_id as "orderId", s.saga_type as style, s.definition_version as version, s.status, s.current_step as step,
       s.epoch, s.attempts, s.failure_code as "failureCode", s.last_error as error, s.compensation_data as facts, s.owner,
       (select h.beat_at from worker_heartbeat h where h.worker_id = s.owner) as "ownerBeatAt",
       held.worker_id as "inHandOf", held.beat_at as "inHandBeatAt",
       (select count(*) from worker_heartbeat h where ${styleOfRole} = s.saga_type and h.beat_at > now() - $2 * interval '1 millisecond') as "workersAlive",
       s.deadline_at as "deadlineAt", s.next_run_at as "nextRunAt", s.attention_at as "attentionAt", s.pruned_at as "prunedAt",
       s.created_at as "createdAt", s.updated_at as "updatedAt", now() as now
     from saga_state s left join held on held.saga_id = s.saga_id where s.saga_id = $1`,
    [sagaId, silentMs],
  );
  return row;
}

export async function sagaOfOrder(tx: Tx, orderId: number): Promise<number | undefined> {
  const [row] = await tx.query<{ sagaId: number }>('select saga_id as "sagaId" from saga_state where order_id = $1', [
    orderId,
  ]);
  return row?.sagaId;
}

export interface Receipt {
  readonly step: string;
  readonly no: number;
  readonly op: 'EXECUTE' | 'COMPENSATE';
  readonly status: string;
  readonly output: object | null;
  readonly error: string | null;
  readonly at: Date;
}

/** In the order in which they were written. */
export const readReceipts = (tx: Tx, sagaId: number): Promise<Receipt[]> =>
  tx.query<Receipt>(
    `select step_name as step, step_no as no, op, status, output_data as output, error_message as error, executed_at as at
     from saga_step_execution where saga_id = $1 order by executed_at, case op when 'EXECUTE' then step_no else 100 - step_no end`,
    [sagaId],
  );

export interface StreamEvent {
  readonly no: number;
  readonly type: string;
  readonly data: object | null;
  readonly at: Date;
}

export const readEvents = (tx: Tx, orderId: number): Promise<StreamEvent[]> =>
  tx.query<StreamEvent>(
    `select sequence_number as no, event_type as type, event_data as data, occurred_at as at
     from event_store where aggregate_id = 'order-' || $1::bigint order by sequence_number limit $2`,
    [orderId, linesLimit],
  );

export interface LedgerLine {
  readonly ledger: 'balance' | 'stock';
  readonly kind: string;
  /** The user whose balance, or the product whose stock it is. */
  readonly of: number;
  /** Won with its sign, or pieces. */
  readonly amount: number;
  readonly at: Date;
}

export const readLedgerLines = (tx: Tx, orderId: number): Promise<LedgerLine[]> =>
  tx.query<LedgerLine>(
    `select ledger, kind, "of", amount, at from (
       select 'balance' as ledger, kind, user_id as "of", amount, created_at as at, id from balance_ledger where order_id = $1
       union all select 'stock', kind, product_id, qty, created_at, id from stock_ledger where order_id = $1) line
     order by at, ledger, id limit $2`,
    [orderId, linesLimit],
  );

export interface Payment {
  readonly paymentId: number;
  readonly amount: number;
  readonly at: Date;
}

export async function readPayment(tx: Tx, orderId: number): Promise<Payment | null> {
  const [row] = await tx.query<Payment>(
    'select id as "paymentId", amount, created_at as at from payments where order_id = $1',
    [orderId],
  );
  return row ?? null;
}

export interface PastAction {
  readonly at: Date;
  readonly actor: string;
  readonly command: string;
  readonly reason: string;
  /** Why it was refused; null when it was done. */
  readonly refused: string | null;
}

export const readActions = (tx: Tx, sagaId: number): Promise<PastAction[]> =>
  tx.query<PastAction>(
    `select at, actor, command, reason, after->>'refused' as refused from operator_action where subject = 'saga ' || $1::bigint order by id limit $2`,
    [sagaId, linesLimit],
  );

/** An order of the API has 50 lines, with four movements each at most. */
const linesLimit = 500;
