import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestHandler } from 'express';
import { openPool } from '../../runtime/database.ts';
import type { Stoppable } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { RequestProblem } from '../problems.ts';
import type { RolloutWatch } from '../rollout.ts';
import { type FiguresReader, watchDatabase } from './database-watch.ts';
import { readFigures } from './figures-sql.ts';
import { createHistory } from './history.ts';
import { protection } from './page-files.ts';
import { rolloutView, type RouterFacts, snapshotOf } from './snapshot.ts';
import { inFlight, sampleTraffic } from './traffic-sample.ts';
import { createTrafficWindow } from './traffic-window.ts';
import { createViewers } from './viewers.ts';

export interface ConsolePorts {
  readonly router: RouterFacts;
  readonly watch: RolloutWatch;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly openFigures: () => FiguresReader;
  /** A snapshot is made this often while somebody watches, default every second. */
  readonly everyMs?: number | undefined;
  /** Open streams before the next one is refused, default 50. */
  readonly viewers?: number;
}

export interface Console extends Stoppable {
  /** GET /console/events: snapshots as server-sent events. */
  readonly events: RequestHandler;
}

const [rateMs, windowMs, historySeconds] = [10_000, 60_000, 300];
/** Events in a row that a slow viewer may miss: at one per second the browser has given up by then. */
const patience = 20;
/** How long the first snapshot waits for the database's figures. */
const firstAnswerMs = 500;

/**
 * The status page's stream. One snapshot per second is made for all viewers together, and none when nobody watches: the sampling
 * ends with the last viewer and the database connection is closed.
 */
export function createConsole(ports: ConsolePorts): Console {
  const { router, watch, metrics, log, openFigures, everyMs = 1_000, viewers: limit = 50 } = ports;
  const window = createTrafficWindow(windowMs);
  const history = createHistory(historySeconds);
  const database = watchDatabase(openFigures, () => performance.now());
  let unwatched = new AbortController();
  const viewers = createViewers({ viewers: limit, skipped: patience }, () => {
    unwatched.abort();
  });
  let watching: Promise<void> | undefined;
  let latest: string | undefined;
  let stopped = false;

  async function next(): Promise<string> {
    const [at, sample] = [Date.now(), await sampleTraffic(metrics, performance.now())];
    window.push(sample);
    const rate = window.over(rateMs);
    history.push(at, rate);
    const snapshot = snapshotOf({
      at,
      router,
      rollout: rolloutView(watch.current(), watch.ageMs(), watch.stale()),
      rate,
      recent: window.over(windowMs),
      totals: sample.decisions,
      inFlight: await inFlight(metrics),
      history: history.columns(),
      database: database.state(),
    });
    return `data: ${JSON.stringify(snapshot)}\n\n`;
  }

  async function showWhileWatched(signal: AbortSignal): Promise<void> {
    await Promise.race([database.refresh(), sleep(firstAnswerMs)]);
    while (!signal.aborted) {
      viewers.send((latest = await next()));
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) void database.refresh(); // never rejects, and `close` waits for it
    }
    await database.close();
  }

  /** One loop at a time: it ends with the last viewer, and goes on when another one has come meanwhile. */
  async function keepWatching(): Promise<void> {
    try {
      while (!stopped && viewers.count() > 0) {
        unwatched = new AbortController();
        await showWhileWatched(unwatched.signal);
      }
    } catch (error) {
      log.error({ err: error }, 'the status page has no figures'); // A fault of the page ends its streams, never the router.
      viewers.closeAll();
    }
    latest = undefined;
    watching = undefined;
  }

  return {
    events: (req, res) => {
      if (stopped) throw new RequestProblem('STOPPING', 'the status page stops with its router');
      if (req.method === 'HEAD') {
        res.writeHead(200, eventHeaders).end();
        return;
      }
      if (viewers.full()) {
        throw new RequestProblem('TOO_MANY_VIEWERS', `${limit} status pages are open at this router`);
      }
      res.writeHead(200, eventHeaders);
      viewers.admit(res);
      if (latest !== undefined) res.write(latest);
      watching ??= keepWatching();
    },
    async stop() {
      stopped = true;
      viewers.closeAll();
      unwatched.abort();
      await watching;
    },
  };
}

const eventHeaders = {
  ...protection,
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // The connection ends with the stream: a stop does not wait for a browser to close it.
  connection: 'close',
  'x-accel-buffering': 'no',
} as const;

const statementTimeoutMs = 1_000;

/** One connection, apart from those that take payments; each statement ends after a second. */
export const figuresFrom = (url: string) => (): FiguresReader => {
  const pool = openPool({
    url,
    size: 1,
    timeoutMs: statementTimeoutMs,
    pinnedPlans: true,
    applicationName: 'sagashift-console',
  });
  return { read: () => readFigures(pool), close: () => pool.close() };
};
