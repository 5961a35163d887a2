import { setTimeout as sleep } from 'node:timers/promises';
import type { VerificationReport } from '../consistency/verifier.ts';
import type { Stoppable } from '../runtime/lifecycle.ts';

export interface VerifyingOptions {
  /** Runs one pass and records it. */
  readonly verify: (signal: AbortSignal) => Promise<VerificationReport>;
  readonly firstMs: number;
  readonly everyMs: number;
  readonly onReport: (report: VerificationReport) => void;
  readonly onFault: (error: unknown) => void;
}

/** A pass never takes more than this share of the time, however much there is to look at by then. */
const share = 0.05;

/** One verification after another, each begun a while after the last one has ended. */
export function keepVerifying({ verify, firstMs, everyMs, onReport, onFault }: VerifyingOptions): Stoppable {
  const stopped = new AbortController();
  const { signal } = stopped;
  const loop = (async () => {
    let pauseMs = firstMs;
    for (;;) {
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const beganAt = performance.now();
      try {
        onReport(await verify(signal));
      } catch (error) {
        if (!signal.aborted) onFault(error);
      }
      pauseMs = Math.max(everyMs, (performance.now() - beganAt) / share);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await loop;
    },
  };
}
