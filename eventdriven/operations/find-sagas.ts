import type { Tx } from '../../domain/ports.ts';
import { heldSagas } from './held-sagas-sql.ts';

export const sagaStatuses = ['RUNNING', 'COMPENSATING', 'COMPLETED', 'COMPENSATED', 'FAILED'] as const;
export type SagaStatus = (typeof sagaStatuses)[number];

/** A saga on one line. */
export interface ListedSaga {
  readonly sagaId: number;
  readonly orderId: number;
  readonly style: string;
  readonly version: number;
  readonly status: SagaStatus;
  /** The boundary recorded last; `accepted` before the first. */
  readonly step: string;
  readonly ageMs: number;
  /** Technical faults in a row. */
  readonly attempts: number;
  readonly owner: string | null;
  /** A living worker that said with its last beat that it has the saga in hand; null when none did. */
  readonly inHandOf: string | null;
  readonly nextRunAt: Date | null;
  readonly attentionAt: Date | null;
  readonly failureCode: string | null;
  readonly error: string | null;
  readonly createdAt: Date;
}

/**
 * Written out, not bound: only of a condition in the text the planner can tell that an index of open sagas holds all it asks for.
 * `unsettled` is what a person may have to do with; `attention` what asks for one.
 */
const conditions = {
  unsettled: `(status in ('RUNNING', 'COMPENSATING') or status = 'FAILED')`,
  open: `status in ('RUNNING', 'COMPENSATING')`,
  attention: `status in ('RUNNING', 'COMPENSATING') and attention_at is not null`,
  running: `status = 'RUNNING'`,
  compensating: `status = 'COMPENSATING'`,
  failed: `status = 'FAILED'`,
  completed: `status = 'COMPLETED'`,
  compensated: `status = 'COMPENSATED'`,
} as const;

export type SagaSelection = keyof typeof conditions;
export const sagaSelections = Object.keys(conditions) as readonly SagaSelection[];

/** Absent: any. */
export interface SagaFilter {
  readonly status: SagaSelection;
  /** Accepted longer ago than this. */
  readonly olderThanMs?: number | undefined;
  readonly step?: string | undefined;
  /** Stands in its last error, in whatever case. */
  readonly error?: string | undefined;
  readonly style?: string | undefined;
  readonly version?: number | undefined;
  readonly limit: number;
}

export interface FoundSagas {
  readonly sagas: readonly ListedSaga[];
  /** Found beyond the limit, counted up to `countLimit`. */
  readonly more: number;
}

/** Nobody acts otherwise on ten thousand more than on twenty thousand. */
export const countLimit = 10_000;

/** Oldest first, which is in the order of their ids. */
export async function findSagas(tx: Tx, filter: SagaFilter): Promise<FoundSagas> {
  const sagas = await tx.query<ListedSaga>(
    `with ${heldSagas}
     select saga_id as "sagaId", order_id as "orderId", saga_type as style, definition_version as version, status, current_step as step,
       (extract(epoch from now() - created_at) * 1000)::float8 as "ageMs", attempts, owner, worker_id as "inHandOf",
       next_run_at as "nextRunAt", attention_at as "attentionAt", failure_code as "failureCode", last_error as error, created_at as "createdAt"
     from (select * from saga_state where ${matching(filter)} order by saga_id limit $6) page left join held using (saga_id) order by saga_id`,
    [...valuesOf(filter), filter.limit],
  );
  const last = sagas[filter.limit - 1];
  return { sagas, more: last === undefined ? 0 : await countBeyond(tx, filter, last.sagaId) };
}

async function countBeyond(tx: Tx, filter: SagaFilter, sagaId: number): Promise<number> {
  const [row] = await tx.query<{ more: number }>(
    `select count(*) as more from (select from saga_state where ${matching(filter)} and saga_id > $6 limit $7) beyond`,
    [...valuesOf(filter), sagaId, countLimit],
  );
  return row?.more ?? 0;
}

const matching = ({ status }: SagaFilter): string => `${conditions[status]}
  and ($1::float8 is null or created_at < now() - $1 * interval '1 millisecond') and ($2::text is null or current_step = $2)
  and ($3::text is null or position(lower($3) in lower(last_error)) > 0) and ($4::text is null or saga_type = $4)
  and ($5::int is null or definition_version = $5)`;

const valuesOf = ({ olderThanMs, step, error, style, version }: SagaFilter): unknown[] => [
  olderThanMs ?? null,
  step ?? null,
  error ?? null,
  style ?? null,
  version ?? null,
];
