import type { Tx } from '../domain/ports.ts';

export interface SagaRow {
  readonly sagaId: number;
  readonly orderId: number;
  readonly type: string;
  /** Of its definition. */
  readonly version: number;
  readonly status: string;
  readonly currentStep: string;
  readonly attempts: number;
  readonly failureCode: string | null;
  readonly lastError: string | null;
  readonly deadlineAt: Date | null;
  readonly nextRunAt: Date | null;
  readonly attentionAt: Date | null;
  /** Since when its steps are gone: they are kept for a while after the end. */
  readonly prunedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export async function readSaga(tx: Tx, sagaId: number): Promise<SagaRow | undefined> {
  const [row] = await tx.query<SagaRow>(
    `select saga_id as "sagaId", order_id as "orderId", saga_type as type, definition_version as version, status,
       current_step as "currentStep", attempts, failure_code as "failureCode", last_error as "lastError", deadline_at as "deadlineAt",
       next_run_at as "nextRunAt", attention_at as "attentionAt", pruned_at as "prunedAt", created_at as "createdAt", updated_at as "updatedAt"
     from saga_state where saga_id = $1`,
    [sagaId],
  );
  return row;
}

export interface SagaStepRow {
  readonly name: string;
  readonly no: number;
  readonly op: 'EXECUTE' | 'COMPENSATE';
  readonly status: string;
  readonly output: object | null;
  readonly error: string | null;
  readonly executedAt: Date;
}

/** In the order in which they were executed. */
export const readSagaSteps = (tx: Tx, sagaId: number): Promise<SagaStepRow[]> =>
  tx.query<SagaStepRow>(
    `select step_name as name, step_no as no, op, status, output_data as output, error_message as error, executed_at as "executedAt"
     from saga_step_execution where saga_id = $1
     order by executed_at, case op when 'EXECUTE' then step_no else 100 - step_no end`,
    [sagaId],
  );
