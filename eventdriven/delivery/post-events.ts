import { types } from 'node:util';
import type { OpenEvent } from './delivery-sql.ts';

/**
 * `taken`: all of them. `refused`: the target understood and said no (4xx), so one of them is at fault. `unavailable`: nothing is known about them
 * (5xx, 408, 429, no answer in time): they may have been taken.
 */
export type Posted = { readonly kind: 'taken' } | { readonly kind: 'refused' | 'unavailable'; readonly error: string };

/** The event id goes with every event as the key by which the target knows a repetition. */
export async function postEvents(
  url: string,
  events: readonly OpenEvent[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Posted> {
  const body = JSON.stringify(
    events.map((e) => ({ eventId: String(e.event_id), type: e.event_type, orderId: e.order_id, data: e.event_data })),
  );
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const text = await response.text(); // read to its end, or the connection is not used again
    if (response.ok) return { kind: 'taken' };
    const { status } = response;
    const tooBusy = status === 408 || status === 429 || status >= 500;
    return { kind: tooBusy ? 'unavailable' : 'refused', error: `HTTP ${status}: ${text.slice(0, 200)}` };
  } catch (fault) {
    return { kind: 'unavailable', error: describe(fault) };
  }
}

/** fetch says only 'fetch failed'; why stands in its cause. */
function describe(fault: unknown): string {
  if (!types.isNativeError(fault)) return String(fault);
  return types.isNativeError(fault.cause) ? `${fault.message}: ${fault.cause.message}` : fault.message;
}
