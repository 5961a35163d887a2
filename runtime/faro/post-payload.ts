import type { FaroConfig } from '../faro-config.ts';
import { SinkFault } from './sender.ts';

const longestRetryAfterSeconds = 60;

/**
 * One POST of a payload as Faro's collectors take it. Rejects with a SinkFault, whose message never holds more of the address or
 * the key than the status or the errno: collectors of hosted services have their key in the path.
 */
export async function postPayload(
  { url, apiKey }: FaroConfig,
  session: string,
  body: string,
  signal: AbortSignal,
): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    'x-faro-session-id': session,
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
  };
  // By hand: a redirect would take the key to whoever it names.
  const answered = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' }).catch(
    (error: unknown) => {
      throw unreached(error);
    },
  );
  // Not read: its length is the sink's choice.
  await answered.body?.cancel();
  if (!answered.ok) throw refused(answered);
}

function unreached(error: unknown): SinkFault {
  if (error instanceof SinkFault) return error; // why `signal` was aborted
  const code = (error as { cause?: { code?: unknown } }).cause?.code;
  return new SinkFault(`cannot be reached${typeof code === 'string' ? ` (${code})` : ''}`);
}

function refused({ status, headers }: Response): SinkFault {
  const seconds = Number(headers.get('retry-after') ?? 0);
  const hint = status === 401 || status === 403 ? ' (see SAGASHIFT_FARO_API_KEY)' : '';
  const retryAfterMs = seconds > 0 ? Math.min(seconds, longestRetryAfterSeconds) * 1_000 : 0;
  return new SinkFault(`answers ${status}${hint}`, retryAfterMs);
}
