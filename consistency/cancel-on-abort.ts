import { openPool } from '../runtime/database.ts';

export interface Canceller {
  /** From now on the statements of this backend are cancelled when the signal says so. */
  watch(pid: number): void;
  /** Waits for the cancelling in hand. */
  stop(): Promise<void>;
}

const againMs = 100;

/** Has the server cancel what it does for us, again and again: one request may come between two statements. Connects only then. */
export function cancelOnAbort(url: string, signal: AbortSignal | undefined): Canceller {
  const pids = new Set<number>();
  const pool = openPool({ url, size: 1, applicationName: 'sagashift-verifier-cancel' });
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const cancel = (): void => {
    // Without a server there is nothing to cancel.
    last = pool.query('select pg_cancel_backend(pid) from unnest($1::int[]) pid', [[...pids]]).catch(() => undefined);
    timer = setTimeout(cancel, againMs);
  };
  if (signal?.aborted === true) cancel();
  else signal?.addEventListener('abort', cancel, { once: true });
  return {
    watch: (pid) => void pids.add(pid),
    async stop() {
      signal?.removeEventListener('abort', cancel);
      clearTimeout(timer);
      await last;
      await pool.close();
    },
  };
}
