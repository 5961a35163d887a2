import { setTimeout as sleep } from 'node:timers/promises';
import type { Tx } from '../domain/ports.ts';
import type { Stoppable } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { inSeverities, severities, type Severity, showNightly } from '../runtime/nightly-figures.ts';
import { readVerifications } from './verification-sql.ts';

export interface VerificationWatchOptions {
  readonly tx: Tx;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Default 2 s. */
  readonly pollMs?: number | undefined;
  /** A night is missed when the last one ended longer ago, default 26. */
  readonly expectedHours?: number;
}

/**
 * Shows what recorded verifications have found. Beside the payments, never in their way: a database that is away leaves the
 * figures as they are, with one line in the log. Resolves after the first reading, so that the first scrape starts at what is
 * true: a counter that jumped there later would look like news.
 */
export async function watchVerifications(options: VerificationWatchOptions): Promise<Stoppable> {
  const { tx, metrics, log, pollMs = 2_000, expectedHours = 26 } = options;
  const stopped = new AbortController();
  const checked = follow((by) => {
    metrics.consistencyChecked.inc(by);
  });
  const mismatches = new Map<Severity, (total: number) => void>(
    severities.map((severity) => [severity, follow((by) => metrics.consistencyMismatches.inc({ severity }, by))]),
  );
  let stale = false;

  async function poll(): Promise<void> {
    try {
      const { examined, cleanAt, violations, nightly } = await readVerifications(tx);
      checked(examined);
      for (const [severity, total] of inSeverities(violations)) mismatches.get(severity)?.(total);
      if (cleanAt !== null) metrics.verificationLastSuccess.set(cleanAt);
      showNightly(metrics, nightly, expectedHours);
      stale = false;
    } catch (error) {
      if (!stale) log.warn({ err: error }, 'the figures of verification are stale');
      stale = true;
    }
  }
  async function loop(): Promise<void> {
    for (;;) {
      await sleep(pollMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      await poll();
    }
  }

  await poll();
  const looping = loop();
  return {
    async stop() {
      stopped.abort();
      await looping;
    },
  };
}

/** Turns a total into increments. A total that falls (rows were removed) is a new start, not a negative count. */
function follow(inc: (by: number) => void): (total: number) => void {
  let known = 0;
  inc(0); // There from the start: Prometheus sees no increase in a series that begins with 1.
  return (total) => {
    inc(Math.max(0, total - known));
    known = total;
  };
}
