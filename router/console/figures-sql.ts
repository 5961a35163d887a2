import type { Tx } from '../../domain/ports.ts';
import { rolloutId } from '../rollout-sql.ts';

/** What only the database knows. It covers the whole system, not just this router. */
export interface DatabaseFigures {
  readonly rollout: {
    readonly version: number;
    readonly emergency: boolean;
    readonly changedBy: string;
    /** ISO 8601. */
    readonly changedAt: string;
    readonly reason: string;
    readonly changedSecondsAgo: number;
  } | null;
  readonly sagas: {
    readonly running: number;
    readonly compensating: number;
    readonly attention: number;
    readonly oldestSeconds: number | null;
  };
  readonly delivery: {
    readonly undelivered: number;
    readonly oldestSeconds: number | null;
    readonly deadLetters: number;
  };
  readonly routers: readonly { readonly id: string; readonly version: number; readonly silentSeconds: number }[];
  readonly workers: { readonly alive: number; readonly silent: number };
  readonly verification: {
    readonly mode: string;
    readonly finishedAt: string;
    readonly secondsAgo: number;
    readonly checked: number;
    readonly violations: number;
    readonly codes: readonly string[];
  } | null;
}

/** Counting stops here: a backlog of millions must not cost a statement of seconds. */
export const countLimit = 20_000;
/** Rows of heartbeats that are listed; more routers than this are not watched on one page. */
const routerLimit = 100;

/** One statement, by keys and partial indexes of what is open; at most `countLimit` rows of each are looked at. */
export async function readFigures(tx: Tx): Promise<DatabaseFigures> {
  const [row] = await tx.query<DatabaseFigures>(
    `select
       (select json_build_object('version', version, 'emergency', emergency, 'changedBy', changed_by, 'changedAt', changed_at,
          'reason', reason, 'changedSecondsAgo', ${secondsSince('changed_at')}) from rollout where id = $1) as rollout,
       (select json_build_object('running', count(*) filter (where status = 'RUNNING'),
          'compensating', count(*) filter (where status = 'COMPENSATING'), 'attention', count(attention_at),
          'oldestSeconds', ${secondsSince('min(created_at)')})
        from (select status, attention_at, created_at from saga_state where status in ('RUNNING', 'COMPENSATING')
          order by saga_id limit $2) open) as sagas,
       json_build_object(
         'undelivered', (select count(*) from (select from external_event_log where status in ('PENDING', 'FAILED') limit $2) open),
         'oldestSeconds', (select ${secondsSince('created_at')} from external_event_log
           where status in ('PENDING', 'FAILED') order by event_id limit 1),
         'deadLetters', (select count(*) from (select from external_event_log where status = 'DEAD_LETTER' limit $2) dead)) as delivery,
       coalesce((select json_agg(json_build_object('id', router_id, 'version', applied_version,
           'silentSeconds', ${secondsSince('beat_at')}) order by router_id)
         from (select * from router_heartbeat where beat_at > now() - interval '1 day' order by beat_at desc limit $3) r), '[]') as routers,
       (select json_build_object('alive', count(*) filter (where beat_at > now() - interval '2 s'),
          'silent', count(*) filter (where beat_at <= now() - interval '2 s'))
        from worker_heartbeat where beat_at > now() - interval '1 hour') as workers,
       (select json_build_object('mode', v.mode, 'finishedAt', v.finished_at, 'secondsAgo', ${secondsSince('v.finished_at')},
          'checked', coalesce(v.checked, 0), 'violations', coalesce(v.violations, 0),
          'codes', coalesce((select json_agg(f.code order by f.code) from verification_finding f where f.run_id = v.id), '[]'))
        from verification_run v where v.finished_at is not null order by v.id desc limit 1) as verification`,
    [rolloutId, countLimit + 1, routerLimit],
  );
  if (row === undefined) throw new Error('the figures of the console came back empty');
  return row;
}

/** By the database's clock; never negative, though a transaction may begin before a row is written. Null stays null: `greatest` would make it 0. */
function secondsSince(column: string): string {
  return `case when ${column} is not null then round(greatest(0, extract(epoch from now() - ${column})), 1) end`;
}
