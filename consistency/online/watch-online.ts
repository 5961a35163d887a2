import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionLost, sqlState } from '../../runtime/database.ts';
import { PositionLost } from './cycle.ts';
import { createOnlineVerifier, type Cycle, type OnlineOptions, type Start } from './online-verifier.ts';

export interface WatchOptions extends OnlineOptions {
  /** From the begin of a cycle to the begin of the next, default 1 s. */
  readonly everyMs?: number;
  /** Ends by itself after so long. Default: when told. */
  readonly forMs?: number;
  /** Without a cycle for so long it gives up and rejects, default 60 s. The first start is tried once, unless this is Infinity. */
  readonly giveUpAfterMs?: number;
  readonly signal: AbortSignal;
  onEvent(event: OnlineEvent): void;
}

export type OnlineEvent =
  | ({ readonly kind: 'started'; readonly again: boolean } & Start)
  | ({ readonly kind: 'cycle' } & Cycle)
  /** Once, when it is lost. */
  | { readonly kind: 'away'; readonly fault: unknown }
  | { readonly kind: 'back'; readonly awayMs: number }
  /** What changed until the next start is not examined by this verifier. */
  | { readonly kind: 'position lost'; readonly why: string };

const firstRetryMs = 250;
const longestRetryMs = 5_000;

/** SQLSTATEs of a server that goes away or comes back, admits nobody, has no connection to give, or took a snapshot back. */
const passing = /^(08|57P0[1-3]|53300|55000|55P03|40001)/;
/** Of a statement or a transaction that took longer than a cycle may. */
const tooSlow = ['57014', '25P04', '25P03'];

/**
 * Cycle after cycle until told or its time is up; resolves after the cycle in hand. A database that goes away is asked again, less
 * and less often; then it goes on from where it was, so that what changed meanwhile is examined too.
 */
export async function watchOnline(options: WatchOptions): Promise<void> {
  const { everyMs = 1_000, forMs = Infinity, giveUpAfterMs = 60_000, signal, onEvent } = options;
  const verifier = createOnlineVerifier(options);
  const endsAt = performance.now() + forMs;
  const over = (): boolean => signal.aborted || performance.now() >= endsAt;
  const wait = (ms: number): Promise<void> =>
    sleep(Math.max(0, Math.min(ms, endsAt - performance.now())), undefined, { signal }).catch(() => undefined);

  let started: 'not yet' | 'again' | 'yes' = 'not yet';
  let wellAt = performance.now();
  let awayAt: number | undefined;
  let retryMs = firstRetryMs;
  const turn = async (): Promise<void> => {
    if (started !== 'yes') {
      const start = await verifier.start(signal);
      onEvent({ kind: 'started', again: started === 'again', ...start });
      started = 'yes';
    }
    const cycle = await verifier.cycle();
    if (awayAt !== undefined) onEvent({ kind: 'back', awayMs: performance.now() - awayAt });
    [awayAt, retryMs, wellAt] = [undefined, firstRetryMs, performance.now()];
    onEvent({ kind: 'cycle', ...cycle });
  };
  const fail = (fault: unknown): void => {
    const isFirst = started === 'not yet' && giveUpAfterMs !== Infinity;
    if (isFirst || performance.now() - wellAt > giveUpAfterMs) throw fault;
    if (fault instanceof PositionLost || isTooSlow(fault)) {
      started = 'again';
      onEvent({ kind: 'position lost', why: (fault as Error).message });
    } else if (fault instanceof ConnectionLost || passing.test(sqlState(fault) ?? '')) {
      if (awayAt === undefined) onEvent({ kind: 'away', fault });
      awayAt ??= performance.now();
    } else throw fault;
  };

  try {
    while (!over()) {
      const begunAt = performance.now();
      let failed = false;
      try {
        await turn();
      } catch (fault) {
        if (signal.aborted) break;
        fail(fault);
        failed = true;
      }
      const tookMs = performance.now() - begunAt;
      // A cycle that takes all its time leaves the database some of it.
      await wait(failed ? retryMs : Math.max(everyMs - tookMs, tookMs / 5));
      if (failed) retryMs = Math.min(longestRetryMs, retryMs * 2);
    }
  } finally {
    await verifier.stop();
  }
}

const isTooSlow = (fault: unknown): boolean => tooSlow.includes(sqlState(fault) ?? '');
