import type { Tx } from '../../domain/ports.ts';

/** A row of external_event_log that waits to be sent. */
export interface OpenEvent {
  readonly event_id: number;
  readonly order_id: number;
  readonly event_type: string;
  readonly event_data: unknown;
  readonly retry_count: number;
}

/**
 * The oldest events that may be sent now, see `claim-events.sql`; none unless this connection is the target's relay.
 * `busyOrders` have an event being sent, `lookAt` bounds how many open events are looked at.
 */
export function claimEvents(
  tx: Tx,
  target: string,
  busyOrders: readonly number[],
  lookAt: number,
  maxCount: number,
): Promise<OpenEvent[]> {
  return tx.query<OpenEvent>('select * from claim_events($1, $2, $3, $4)', [target, busyOrders, lookAt, maxCount]);
}

/** Compare-and-set: an event that another relay has finished meanwhile stays as it is. */
export async function markSent(tx: Tx, eventIds: readonly number[]): Promise<void> {
  await tx.query(
    `update external_event_log set status = 'SENT', last_attempt_at = now(), next_attempt_at = null, error_message = null
     where event_id = any($1::bigint[]) and status in ('PENDING', 'FAILED')`,
    [eventIds],
  );
}

/** What became of an event: its topic when it was given up, else null. */
interface Marked {
  readonly dead_topic: string | null;
}

/** The target judged it: FAILED until its next try, DEAD_LETTER after `maxAttempts` such judgements. */
export function markRefused(
  tx: Tx,
  eventId: number,
  failure: { readonly error: string; readonly retryInMs: number; readonly maxAttempts: number },
): Promise<Marked[]> {
  return tx.query<Marked>(
    `update external_event_log set retry_count = retry_count + 1, last_attempt_at = now(), error_message = left($2, 500),
       status = case when retry_count + 1 >= $4 then 'DEAD_LETTER' else 'FAILED' end,
       next_attempt_at = case when retry_count + 1 >= $4 then null else now() + $3 * interval '1 millisecond' end
     where event_id = $1 and status in ('PENDING', 'FAILED')
     returning case status when 'DEAD_LETTER' then event_type end as dead_topic`,
    [eventId, failure.error, failure.retryInMs, failure.maxAttempts],
  );
}

/**
 * The target was not there, which is nobody's fault: no try is counted. Due again with the target, or after `putOffMs`, so that
 * another event is tried first. Answers how many it marked.
 */
export async function markUnavailable(
  tx: Tx,
  eventIds: readonly number[],
  failure: { readonly error: string; readonly putOffMs: number },
): Promise<number> {
  const rows = await tx.query(
    `update external_event_log set status = 'FAILED', last_attempt_at = now(), error_message = left($2, 500),
       next_attempt_at = case when $3 > 0 then now() + $3 * interval '1 millisecond' end
     where event_id = any($1::bigint[]) and status in ('PENDING', 'FAILED') returning event_id`,
    [eventIds, failure.error, failure.putOffMs],
  );
  return rows.length;
}

/** Gives up, oldest first, what has waited for its target longer than the horizon: at most `maxCount` at once. */
export function expireEvents(
  tx: Tx,
  target: string,
  failure: { readonly error: string; readonly horizonMs: number; readonly maxCount: number },
): Promise<Marked[]> {
  return tx.query<Marked>(
    `with oldest as (
       select event_id, coalesce(replayed_at, created_at) as waits_since from external_event_log
       where status in ('PENDING', 'FAILED') and target_system = $1 order by event_id limit $4
     )
     update external_event_log e set status = 'DEAD_LETTER', next_attempt_at = null, error_message = left($2, 500)
     from oldest o where e.event_id = o.event_id and e.status in ('PENDING', 'FAILED') and o.waits_since < now() - $3 * interval '1 millisecond'
     returning e.event_type as dead_topic`,
    [target, failure.error, failure.horizonMs, failure.maxCount],
  );
}

export interface TargetBacklog {
  readonly target: string;
  /** 0 when nothing waits. */
  readonly oldestSeconds: number;
  readonly dead: number;
}

/** Every target that has a route or an open event, in order of name: it hops from target to target along the index, not over the events. */
export function targetBacklogs(tx: Tx, maxTargets: number): Promise<TargetBacklog[]> {
  return tx.query<TargetBacklog>(
    `with recursive open_target as (
       (select target_system from external_event_log where status in ('PENDING', 'FAILED') order by target_system limit 1)
       union all
       select (select e.target_system from external_event_log e
         where e.status in ('PENDING', 'FAILED') and e.target_system > t.target_system order by e.target_system limit 1)
       from open_target t where t.target_system is not null
     ), target as (
       select target_system from open_target where target_system is not null union select target_system from delivery_route
       order by target_system limit $1
     )
     select t.target_system as target, coalesce(extract(epoch from now() - (
         select e.created_at from external_event_log e
         where e.status in ('PENDING', 'FAILED') and e.target_system = t.target_system order by e.event_id limit 1)), 0)::float8 as "oldestSeconds",
       (select count(*) from external_event_log e where e.status = 'DEAD_LETTER' and e.target_system = t.target_system) as dead
     from target t order by t.target_system`,
    [maxTargets],
  );
}
