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
 * `busy` are events being sent, `lookAt` bounds how many open events are looked at.
 */
export function claimEvents(
  tx: Tx,
  target: string,
  busy: readonly number[],
  lookAt: number,
  maxCount: number,
): Promise<OpenEvent[]> {
  return tx.query<OpenEvent>('select * from claim_events($1, $2, $3, $4)', [target, busy, lookAt, maxCount]);
}

/** Compare-and-set: an event that another relay has finished meanwhile stays as it is. */
export async function markSent(tx: Tx, eventIds: readonly number[]): Promise<void> {
  await tx.query(
    `update external_event_log set status = 'SENT', last_attempt_at = now(), next_attempt_at = null, error_message = null
     where event_id = any($1::bigint[]) and status in ('PENDING', 'FAILED')`,
    [eventIds],
  );
}

/** FAILED until its next try, DEAD_LETTER after `maxAttempts`. Answers what became of each. */
export async function markFailed(
  tx: Tx,
  eventIds: readonly number[],
  failure: { readonly error: string; readonly retryInMs: number; readonly maxAttempts: number },
): Promise<('FAILED' | 'DEAD_LETTER')[]> {
  const rows = await tx.query<{ status: 'FAILED' | 'DEAD_LETTER' }>(
    `update external_event_log set retry_count = retry_count + 1, last_attempt_at = now(), error_message = left($2, 500),
       status = case when retry_count + 1 >= $4 then 'DEAD_LETTER' else 'FAILED' end,
       next_attempt_at = case when retry_count + 1 >= $4 then null else now() + $3 * interval '1 millisecond' end
     where event_id = any($1::bigint[]) and status in ('PENDING', 'FAILED')
     returning status`,
    [eventIds, failure.error, failure.retryInMs, failure.maxAttempts],
  );
  return rows.map((row) => row.status);
}
