import type { Tx } from '../../domain/ports.ts';

/** An event that was given up on. */
export interface DeadLetter {
  readonly eventId: number;
  readonly topic: string;
  readonly target: string;
  readonly orderId: number;
  /** Times the target said no to it; 0 when it was never there. */
  readonly tries: number;
  readonly error: string | null;
  readonly createdAt: Date;
  readonly lastAttemptAt: Date | null;
}

const columns = `event_id as "eventId", event_type as topic, target_system as target, order_id as "orderId", retry_count as tries,
  error_message as error, created_at as "createdAt", last_attempt_at as "lastAttemptAt"`;

/** Absent: any. */
export interface DeadLetterFilter {
  readonly topic?: string | undefined;
  readonly target?: string | undefined;
  readonly olderThanMs?: number | undefined;
  readonly limit: number;
}

const matching = `status = 'DEAD_LETTER' and ($1::text is null or event_type = $1) and ($2::text is null or target_system = $2)
  and ($3::float8 is null or created_at < now() - $3 * interval '1 millisecond')`;

/** Oldest first. */
export const findDeadLetters = (
  tx: Tx,
  { topic, target, olderThanMs, limit }: DeadLetterFilter,
): Promise<DeadLetter[]> =>
  tx.query<DeadLetter>(`select ${columns} from external_event_log where ${matching} order by event_id limit $4`, [
    topic ?? null,
    target ?? null,
    olderThanMs ?? null,
    limit,
  ]);

/** Counted up to the filter's limit. */
export async function countDeadLetters(
  tx: Tx,
  { topic, target, olderThanMs, limit }: DeadLetterFilter,
): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    `select count(*) as count from (select from external_event_log where ${matching} limit $4) dead`,
    [topic ?? null, target ?? null, olderThanMs ?? null, limit],
  );
  return row?.count ?? 0;
}

/** What these events are now: to tell one that does not exist from one that is no dead letter. */
export const statusesOf = (tx: Tx, eventIds: readonly number[]): Promise<{ eventId: number; status: string }[]> =>
  tx.query('select event_id as "eventId", status from external_event_log where event_id = any($1::bigint[])', [
    eventIds,
  ]);

/** Newest first: what the list of a topic holds. */
export const newestDeadLetters = (tx: Tx, topic: string, limit: number): Promise<DeadLetter[]> =>
  tx.query<DeadLetter>(
    `select ${columns} from external_event_log where status = 'DEAD_LETTER' and event_type = $1 order by event_id desc limit $2`,
    [topic, limit],
  );

/** Compare-and-set; answers those that were dead letters until now. PENDING with no try behind it: its relay takes it up by itself. */
export const replayDeadLetters = (tx: Tx, eventIds: readonly number[]): Promise<DeadLetter[]> =>
  tx.query<DeadLetter>(
    `with dead as (
       select * from external_event_log where event_id = any($1::bigint[]) and status = 'DEAD_LETTER' order by event_id for update
     ), revived as (
       update external_event_log e set status = 'PENDING', retry_count = 0, next_attempt_at = null, error_message = null, replayed_at = now()
       from dead where e.event_id = dead.event_id
     ) select ${columns} from dead order by event_id`,
    [eventIds],
  );

/** Compare-and-set, as above. The reason stands where the error stood; the error is kept in operator_action. */
export const dropDeadLetters = (tx: Tx, eventIds: readonly number[], reason: string): Promise<DeadLetter[]> =>
  tx.query<DeadLetter>(
    `with dead as (
       select * from external_event_log where event_id = any($1::bigint[]) and status = 'DEAD_LETTER' order by event_id for update
     ), dropped as (
       update external_event_log e set status = 'DROPPED', error_message = left($2, 500) from dead where e.event_id = dead.event_id
     ) select ${columns} from dead order by event_id`,
    [eventIds, `dropped: ${reason}`],
  );
