import type { OutsideEvent } from './event-body.ts';
import { seenIds } from './seen-ids.ts';

/** What one source has sent. `events` counts the accepted ones, `duplicates` those of them that had been accepted before. */
interface SourceCounts {
  requests: number;
  /** Requests answered 503 on purpose: none of their events was taken. */
  failed: number;
  events: number;
  duplicates: number;
  distinctOrders: number;
}

export interface Source {
  readonly counts: SourceCounts;
  take(events: readonly OutsideEvent[]): void;
}

export function openSource(): Source {
  const [events, orders] = [seenIds(), seenIds()];
  const counts: SourceCounts = { requests: 0, failed: 0, events: 0, duplicates: 0, distinctOrders: 0 };
  return {
    counts,
    take(batch) {
      for (const event of batch) {
        counts.events += 1;
        if (!events.add(event.eventId)) counts.duplicates += 1;
        if (orders.add(String(event.orderId))) counts.distinctOrders += 1;
      }
    },
  };
}
