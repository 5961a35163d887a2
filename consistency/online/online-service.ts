import type { Config } from '../../runtime/config.ts';
import type { Stoppable } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Found } from './ask-keys.ts';
import { violationsIn } from './online-text.ts';
import { questions } from './subjects.ts';
import { type OnlineEvent, watchOnline } from './watch-online.ts';

export interface OnlineServiceOptions {
  readonly config: Pick<Config, 'databaseUrl'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Default 1 s. */
  readonly everyMs?: number;
}

/** The online pass beside the payments: its figures as metrics, its findings in the log. A database that is away is waited for. */
export function startOnlineVerifier({ config, metrics, log, everyMs = 1_000 }: OnlineServiceOptions): Stoppable {
  const stopped = new AbortController();
  for (const code of new Set([...questions.values()].flat().map(({ invariant }) => invariant.code)))
    metrics.onlineViolations.inc({ code }, 0); // A counter that begins at 1 shows no increase.
  const watching = watchOnline({
    url: config.databaseUrl,
    everyMs,
    giveUpAfterMs: Infinity,
    signal: stopped.signal,
    onEvent: (event) => {
      show(event, metrics, log);
    },
  }).catch((fault: unknown) => {
    log.error({ err: fault }, 'the online verifier has ended: payments go on unwatched');
  });
  return {
    async stop() {
      stopped.abort();
      await watching;
    },
  };
}

function show(event: OnlineEvent, metrics: Metrics, log: Logger): void {
  switch (event.kind) {
    case 'started':
      count(event.found, metrics, log);
      return;
    case 'cycle':
      count(event.found, metrics, log);
      metrics.onlineCycle.observe(event.ms / 1_000);
      metrics.onlineOrders.inc(event.orders);
      metrics.onlineWaiting.set(event.waiting);
      metrics.onlineLast.set(event.at.getTime() / 1_000);
      metrics.moneyInFlight.set(event.inFlight.moneyWon);
      metrics.stockInFlight.set(event.inFlight.stock);
      if (event.givenUp > 0) log.warn({ orders: event.givenUp }, 'more orders change than can be examined');
      return;
    case 'away':
      log.warn({ err: event.fault }, 'the online verifier has lost the database, trying again');
      return;
    case 'back':
      log.info({ awayMs: event.awayMs }, 'the online verifier is back, and has examined what changed meanwhile');
      return;
    case 'position lost':
      log.warn({ why: event.why }, 'the online verifier starts again from now');
  }
}

function count(found: readonly Found[], metrics: Metrics, log: Logger): void {
  for (const one of found) {
    const { code, severity, sentence } = one.invariant;
    metrics.onlineViolations.inc({ code }, violationsIn([one]));
    const ids = one.violators.slice(0, 5).map(({ id }) => id);
    log.error({ code, severity, subject: one.check.subject.name, ids }, sentence);
  }
}
