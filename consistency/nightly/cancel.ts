import type { Tx } from '../../domain/ports.ts';

/** Told to stop. What was done is kept. */
export class NightlyInterrupted extends Error {
  override readonly name = 'NightlyInterrupted';

  constructor(runId: number, done: number, of: number) {
    super(`interrupted: run ${runId} has done ${done} of ${of} parts, and the next start goes on with the rest`);
  }
}

const againMs = 100;

/**
 * Waits for `work`, which runs statements on the backend `pid`. When told to stop it has the server cancel the statement in hand, again
 * and again: one request may come between two statements.
 */
export async function whileCancellable<T>(session: Tx, pid: number, work: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const cancel = (): void => {
    last = session.query('select pg_cancel_backend($1)', [pid]).catch(() => undefined); // Without the server there is nothing to cancel.
    timer = setTimeout(cancel, againMs);
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  try {
    return await work;
  } finally {
    signal.removeEventListener('abort', cancel);
    clearTimeout(timer);
    await last;
  }
}
