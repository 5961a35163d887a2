import type { OpenEvent } from './delivery-sql.ts';
import type { Posted } from './post-events.ts';

/** The target, not an event, is at fault: what the batch still holds stays open. */
export interface TargetFault {
  readonly error: string;
  readonly retryAfterMs?: number;
  /** The events that were sent when it showed. */
  readonly events: readonly OpenEvent[];
  /** It took the connection and failed: an event may be at fault after all. */
  readonly broken: boolean;
}

export interface BatchPorts {
  post(events: readonly OpenEvent[]): Promise<Posted>;
  sent(events: readonly OpenEvent[]): Promise<void>;
  /** This event alone is at fault; later ones of its order wait for it. */
  refused(event: OpenEvent, error: string): Promise<void>;
}

/** Of failures in a row without anything taken in between; one bad event among a hundred makes far fewer. */
const maxBrokenInARow = 8;

/**
 * Sends a batch, in order per order. A batch that is refused, or over which the target fails, is halved until the event at fault stands alone.
 * A failure is an event's fault only if the target has shown signs of life in the same batch; if both halves fail it is the target's. Answers that,
 * or undefined when every event was taken, judged, or held back behind one that was judged.
 */
export async function deliverBatch(batch: readonly OpenEvent[], ports: BatchPorts): Promise<TargetFault | undefined> {
  /** Orders with an event that was judged or held back: their later events wait. */
  const stuck = new Set<number>();
  let fault: TargetFault | undefined;
  let alive = false;
  let lastError = '';
  let brokenInARow = 0;

  if (!(await settle(batch))) {
    if (batch.length > 1) await isolate(batch);
    else blame(batch);
  }
  return fault;

  /** False: the target broke over them, and who is to blame is not known. */
  async function settle(some: readonly OpenEvent[]): Promise<boolean> {
    const events = some.filter((event) => !stuck.has(event.order_id));
    if (events.length === 0 || fault !== undefined) return true;
    const posted = await ports.post(events);
    if (posted.kind === 'taken') {
      [alive, brokenInARow] = [true, 0];
      await ports.sent(events);
    } else if (posted.kind === 'refused') {
      [alive, brokenInARow] = [true, 0];
      await halveRefused(events, posted.error);
    } else if (posted.kind === 'unavailable') {
      const { error, retryAfterMs } = posted;
      fault = { error, events, broken: false, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    } else {
      lastError = posted.error;
      brokenInARow += 1;
      if (brokenInARow >= maxBrokenInARow) blame(events);
      return false;
    }
    return true;
  }

  async function halveRefused(events: readonly OpenEvent[], error: string): Promise<void> {
    if (events.length === 1) return judge(events, error);
    for (const half of halves(events)) if (!(await settle(half))) await isolate(half);
  }

  async function isolate(events: readonly OpenEvent[]): Promise<void> {
    if (fault !== undefined) return;
    if (events.length === 1) return judge(events, lastError);
    const [first, second] = halves(events);
    const firstWent = await settle(first);
    // While it is not known who of the first half is to blame, later events of its orders wait.
    const orders = new Set(firstWent ? [] : first.map((event) => event.order_id));
    const apart = second.filter((event) => !orders.has(event.order_id));
    const secondWent = await settle(apart);
    if (!firstWent && !alive) blame(events);
    if (!firstWent) await isolate(first);
    for (const held of second) if (orders.has(held.order_id)) stuck.add(held.order_id);
    if (!secondWent) await isolate(apart);
  }

  async function judge(events: readonly OpenEvent[], error: string): Promise<void> {
    for (const event of events) {
      stuck.add(event.order_id);
      await ports.refused(event, error);
    }
  }

  function blame(events: readonly OpenEvent[]): void {
    fault ??= { error: lastError, events, broken: true };
  }
}

function halves(events: readonly OpenEvent[]): readonly [readonly OpenEvent[], readonly OpenEvent[]] {
  const half = Math.ceil(events.length / 2);
  return [events.slice(0, half), events.slice(half)];
}
