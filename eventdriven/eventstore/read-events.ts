import type { Tx } from '../../domain/ports.ts';

/** Of the last event that was read. `xid` is a 64-bit transaction id in decimal. */
export interface Position {
  readonly xid: string;
  readonly seq: number;
}

export const start: Position = { xid: '0', seq: 0 };

export interface StoredEvent {
  readonly position: Position;
  readonly aggregateId: string;
  readonly sequenceNumber: number;
  readonly type: string;
  readonly data: unknown;
  readonly occurredAt: Date;
}

interface Row {
  readonly xid: string;
  readonly global_seq: number;
  readonly aggregate_id: string;
  readonly sequence_number: number;
  readonly event_type: string;
  readonly event_data: unknown;
  readonly occurred_at: Date;
}

export const readLimit = 10_000;

/** The next events after `after`, at most `max`. None is missed and none comes twice, also while others are being written. */
export async function readEvents(tx: Tx, after: Position, max: number): Promise<StoredEvent[]> {
  if (!Number.isInteger(max) || max < 1 || max > readLimit) throw new RangeError(`max is from 1 to ${readLimit}`);
  const rows = await tx.query<Row>(
    'select xid::text, global_seq, aggregate_id, sequence_number, event_type, event_data, occurred_at from read_events($1::xid8, $2, $3)',
    [after.xid, after.seq, max],
  );
  return rows.map((row) => ({
    position: { xid: row.xid, seq: row.global_seq },
    aggregateId: row.aggregate_id,
    sequenceNumber: row.sequence_number,
    type: row.event_type,
    data: row.event_data,
    occurredAt: row.occurred_at,
  }));
}
