import { types } from 'node:util';
import type { OutsideEnvelope } from '../../domain/delivery-events.ts';
import type { OpenEvent } from './delivery-sql.ts';

/**
 * `taken`: all of them. `refused`: the target understood and said no, so one of them is at fault. `broken`: it failed over them, which may be
 * the fault of one of them or its own. `unavailable`: it is not there, or not for us. After the last two they may have been taken.
 */
export type Posted =
  | { readonly kind: 'taken' }
  | {
      readonly kind: 'refused' | 'broken' | 'unavailable';
      readonly error: string;
      /** The target asked for as much patience. */
      readonly retryAfterMs?: number;
    };

/**
 * A 4xx is about the events, except for those that are about us, the address or the moment: a wrong password must not make a dead letter
 * of every event. A redirect is not followed: what is meant for one system is not sent to another because that one says so.
 */
const notAboutEvents = [401, 403, 404, 405, 407, 408, 421, 425, 429];
const notNow = [502, 503, 504];

function kindOf(status: number): Posted['kind'] {
  if (status >= 200 && status < 300) return 'taken';
  if (status >= 500) return notNow.includes(status) ? 'unavailable' : 'broken';
  return status >= 400 && !notAboutEvents.includes(status) ? 'refused' : 'unavailable';
}

/** More of an answer is not read: its connection is closed instead of used again. */
const maxAnswerBytes = 65_536;
const maxErrorLength = 200;

/** The event id goes with every event as the key by which the target knows a repetition. */
export async function postEvents(
  url: string,
  events: readonly OpenEvent[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Posted> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events.map(envelope)),
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const { status, headers } = response;
    const kind = kindOf(status);
    const text = await answerOf(response);
    if (kind === 'taken') return { kind };
    const retryAfterMs = patienceOf(headers.get('retry-after'), headers.get('date'));
    return {
      kind,
      error: [`HTTP ${status}`, printable(text.slice(0, maxErrorLength))].filter(Boolean).join(': '),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  } catch (fault) {
    return { kind: isHungUp(fault) ? 'broken' : 'unavailable', error: describe(fault) };
  }
}

const envelope = (event: OpenEvent): OutsideEnvelope =>
  ({
    eventId: String(event.event_id),
    type: event.event_type,
    orderId: event.order_id,
    data: event.event_data,
  }) as OutsideEnvelope;

/** Read, or the connection is not used again. The status has decided: an answer that stops in the middle changes nothing. */
async function answerOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) break; // leaving the loop cancels the rest
    }
  } catch {
    return '(the answer broke off)';
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** It is a stranger's text: Postgres takes no NUL, and a terminal obeys control characters. */
const printable = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').trim();

/** Seconds, or the date until when: by the clock of the target, as far as it says what that shows. Ours may be wrong. */
function patienceOf(retryAfter: string | null, date: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1_000;
  const [until, there] = [Date.parse(retryAfter), Date.parse(date ?? '')];
  return Number.isNaN(until) ? undefined : Math.max(0, until - (Number.isNaN(there) ? Date.now() : there));
}

/** It took the connection and closed it without an answer: what a server does that dies of an event. */
const hungUp = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];
const isHungUp = (fault: unknown): boolean =>
  types.isNativeError(fault) && hungUp.includes((fault.cause as { readonly code?: string } | undefined)?.code ?? '');

/** fetch says only 'fetch failed'; why stands in its cause. */
function describe(fault: unknown): string {
  if (!types.isNativeError(fault)) return String(fault);
  return printable(types.isNativeError(fault.cause) ? `${fault.message}: ${fault.cause.message}` : fault.message);
}
