import type { Tx } from '../../domain/ports.ts';
import type { SagaStatus } from './find-sagas.ts';

/** What an action finds, and what it leaves: kept in operator_action. */
export interface SagaMark {
  readonly status: SagaStatus;
  readonly step: string;
  readonly epoch: number;
  readonly owner: string | null;
  readonly attempts: number;
  readonly failureCode: string | null;
  readonly error: string | null;
  readonly nextRunAt: Date | null;
  readonly attentionAt: Date | null;
}

export interface LockedSaga {
  readonly orderId: number;
  readonly orderStatus: string;
  readonly ageMs: number;
  /** Its pivot has passed and it goes on: nothing undoes it any more. */
  readonly decided: boolean;
  readonly mark: SagaMark;
}

const columns = `status, current_step as step, epoch, owner, attempts, failure_code as "failureCode", last_error as error, next_run_at as "nextRunAt",
  attention_at as "attentionAt"`;

/** Waits for the boundary in hand, if there is one: what is read here stays true until the transaction ends. Undefined: no such saga. */
export async function lockSaga(tx: Tx, sagaId: number): Promise<LockedSaga | undefined> {
  const [row] = await tx.query<SagaMark & Omit<LockedSaga, 'mark'>>(
    `select order_id as "orderId", (select o.status from orders o where o.id = order_id) as "orderStatus",
       (extract(epoch from now() - created_at) * 1000)::float8 as "ageMs", decided_at is not null as decided, ${columns}
     from saga_state where saga_id = $1 for update`,
    [sagaId],
  );
  if (row === undefined) return undefined;
  const { orderId, orderStatus, ageMs, decided, ...mark } = row;
  return { orderId, orderStatus, ageMs, decided, mark };
}

// Each raises the epoch and takes the owner away: whoever has the saga in hand can write no more, and the sweep of any worker
// finds it. Each is compare-and-set on the epoch that was read.

/** Due at once. One that was given up goes on in the direction it had: a failure's code is set when a saga turns back. */
export const retrySaga = (tx: Tx, sagaId: number, { epoch }: SagaMark): Promise<SagaMark> =>
  changed(
    tx.query<SagaMark>(
      `update saga_state set epoch = epoch + 1, owner = null, next_run_at = now(), attention_at = null, updated_at = now(),
         status = case when status <> 'FAILED' then status when failure_code is null then 'RUNNING' else 'COMPENSATING' end
       where saga_id = $1 and epoch = $2 and status in ('RUNNING', 'COMPENSATING', 'FAILED') returning ${columns}`,
      [sagaId, epoch],
    ),
  );

/** As its deadline would turn it back. */
export async function turnSagaBack(tx: Tx, sagaId: number, { epoch }: SagaMark, why: string): Promise<SagaMark> {
  await tx.query(`select turn_back_sagas(array[$1::bigint], 'PAYMENT_FAILED', left($2, 500))`, [sagaId, why]);
  return changed(
    tx.query<SagaMark>(
      `update saga_state set epoch = epoch + 1, owner = null, attention_at = null
       where saga_id = $1 and epoch = $2 and status = 'COMPENSATING' returning ${columns}`,
      [sagaId, epoch],
    ),
  );
}

/** FAILED: no sweep finds it any more. What it has done stays done. */
export const giveSagaUp = (tx: Tx, sagaId: number, { epoch }: SagaMark): Promise<SagaMark> =>
  changed(
    tx.query<SagaMark>(
      `update saga_state set status = 'FAILED', epoch = epoch + 1, owner = null, next_run_at = null, updated_at = now()
       where saga_id = $1 and epoch = $2 and status in ('RUNNING', 'COMPENSATING') returning ${columns}`,
      [sagaId, epoch],
    ),
  );

async function changed(rows: Promise<SagaMark[]>): Promise<SagaMark> {
  const [mark] = await rows;
  if (mark === undefined) throw new Error('the saga changed under its lock');
  return mark;
}
