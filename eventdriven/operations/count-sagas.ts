import type { Tx } from '../../domain/ports.ts';
import { silentMs } from '../saga/rescuer.ts';
import type { SagaStatus } from './find-sagas.ts';
import { heldSagas } from './held-sagas-sql.ts';

/** Sagas that stand at one place. */
export interface SagaCount {
  readonly style: string;
  readonly status: SagaStatus;
  readonly step: string;
  readonly sagas: number;
  readonly oldestMs: number;
  readonly attention: number;
  /** Living workers said with their last beat that they have these in hand. */
  readonly inHand: number;
}

export interface SagaCounts {
  readonly at: Date;
  /** Heard of lately, by the style of the sagas that they run. */
  readonly workers: { readonly orchestration: number; readonly choreography: number };
  /** Of sagas that are open or were given up. */
  readonly counts: readonly SagaCount[];
}

/** The role a worker beats with says what it runs: the orchestrator, or domains of the choreography. */
export const styleOfRole = `case when role = 'orchestrator' then 'orchestration' else 'choreography' end`;

export async function countSagas(tx: Tx): Promise<SagaCounts> {
  const [row] = await tx.query<{ at: Date; orchestration: number; choreography: number }>(
    `select now() as at, count(*) filter (where style = 'orchestration') as orchestration, count(*) filter (where style = 'choreography') as choreography
     from (select ${styleOfRole} as style from worker_heartbeat where beat_at > now() - $1 * interval '1 millisecond') alive`,
    [silentMs],
  );
  const { at = new Date(0), ...workers } = row ?? { orchestration: 0, choreography: 0 };
  return { at, workers, counts: await countByPlace(tx) };
}

const countByPlace = (tx: Tx): Promise<SagaCount[]> =>
  tx.query<SagaCount>(
    `with ${heldSagas}
     select saga_type as style, status, current_step as step, count(*) as sagas, (extract(epoch from now() - min(created_at)) * 1000)::float8 as "oldestMs",
       count(attention_at) as attention, count(held.worker_id) as "inHand"
     from saga_state left join held using (saga_id) where status in ('RUNNING', 'COMPENSATING') or status = 'FAILED'
     group by saga_type, status, current_step order by saga_type, array_position('{RUNNING,COMPENSATING,FAILED}', status), current_step`,
  );
