import type { Config } from '../../runtime/config.ts';
import { type Connection, openConnection } from '../../runtime/database.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { claimEvents, markFailed, markSent, type OpenEvent } from './delivery-sql.ts';
import { postEvents } from './post-events.ts';
import { openAlarm } from './alarm.ts';

export interface DeliveryOptions {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Under which name the data platform counts; the engine by default. */
  readonly source?: string;
  /** 0 to 1. */
  readonly random?: () => number;
  readonly limits?: Partial<typeof deliveryLimits>;
}

export interface Delivery {
  /** Something may be there: look now, instead of at the next poll. */
  nudge(): void;
  /** Waits for what is being sent, at most `stopLimitMs`; what is cut off then is sent again by the next relay. */
  stop(): Promise<void>;
}

const deliveryLimits = {
  batch: 100,
  /** POSTs at once: four carry 11,000 events/s to a target that takes 30 ms. */
  posts: 4,
  attempts: 10,
  /** Doubles with each try: with ten tries an event is given up after about 40 s. */
  retryFirstMs: 100,
  retryCapMs: 30_000,
  /** While events flow, one claim gathers what came in this time; woken for each, it would send them one by one. */
  pollMs: 50,
  idlePollMs: 250,
  statementTimeoutMs: 5_000,
  stopLimitMs: 5_000,
};

const target = 'data-platform';

/**
 * Works off external_event_log: at least once, in order per order, keyed by event id. A slow or dead target never slows a payment, which has
 * committed its row and gone on; this relay has a connection of its own. Several relays are fine: one works, the others stand by.
 * Does nothing without a data platform in the configuration; the events then stay in the log.
 */
export function startDelivery({
  config,
  metrics,
  log,
  source,
  random = Math.random,
  limits: given,
}: DeliveryOptions): Delivery {
  const limits = { ...deliveryLimits, ...given };
  if (config.dataPlatformUrl === undefined) {
    log.info('no data platform is configured: events stay in external_event_log');
    return { nudge: () => undefined, stop: () => Promise.resolve() };
  }
  const url = new URL(
    `v1/events/${source ?? config.source ?? config.engine ?? config.sagaEngine}`,
    `${config.dataPlatformUrl.replace(/\/$/, '')}/`,
  ).href;
  const alarm = openAlarm();
  const cutOff = new AbortController();
  const posts = new Set<Promise<void>>();
  const busy = new Set<number>();
  let connection: Connection | undefined;
  let stopping = false;
  let idle = false;
  /** In a row: of the target, and of our own database. */
  let targetFaults = 0;
  let databaseFaults = 0;
  let pausedUntil = 0;

  const done = run();
  return {
    nudge() {
      if (idle) alarm.ring();
    },
    async stop() {
      stopping = true;
      alarm.ring();
      const timer = setTimeout(() => {
        cutOff.abort();
      }, limits.stopLimitMs);
      await done;
      clearTimeout(timer);
    },
  };

  async function run(): Promise<void> {
    let idleMs = limits.pollMs;
    while (!stopping) {
      const claimed = await claim();
      if (claimed === limits.batch) continue;
      idle = claimed === 0;
      idleMs = idle ? Math.min(idleMs * 2, limits.idlePollMs) : limits.pollMs;
      await alarm.after(Math.max(idleMs, pausedUntil - performance.now()));
    }
    await Promise.all(posts);
    await connection?.close();
  }

  /** Starts sending what is there and answers how much that was. */
  async function claim(): Promise<number> {
    if (posts.size >= limits.posts) await Promise.race(posts);
    if (performance.now() < pausedUntil) return 0;
    try {
      connection ??= await openConnection(
        { url: config.databaseUrl, timeoutMs: limits.statementTimeoutMs, applicationName: 'delivery' },
        metrics,
      );
      const events = await claimEvents(connection, target, [...busy], busy.size + 2 * limits.batch, limits.batch);
      databaseFaults = 0;
      if (events.length > 0) begin(connection, events);
      return events.length;
    } catch (fault) {
      databaseFault(fault);
      return 0;
    }
  }

  function begin(tx: Connection, events: readonly OpenEvent[]): void {
    for (const { event_id } of events) busy.add(event_id);
    const post = deliver(tx, events, new Set())
      .catch(databaseFault) // not marked: they are sent again, and the target knows them by their ids
      .finally(() => {
        for (const { event_id } of events) busy.delete(event_id);
        posts.delete(post);
      });
    posts.add(post);
  }

  /** A batch that is refused is halved until the event at fault stands alone; `stuck` are the orders that have one. */
  async function deliver(tx: Connection, batch: readonly OpenEvent[], stuck: Set<number>): Promise<void> {
    const events = batch.filter((event) => !stuck.has(event.order_id));
    if (events.length === 0 || performance.now() < pausedUntil) return;
    const posted = await postEvents(url, events, config.outsideTimeoutMs, cutOff.signal);
    if (cutOff.signal.aborted) return;
    const ids = events.map((event) => event.event_id);
    const first = events[0] as OpenEvent;

    if (posted.kind === 'taken') {
      targetFaults = 0;
      await markSent(tx, ids);
      metrics.deliveries.inc({ target, status: 'SENT' }, ids.length);
    } else if (posted.kind === 'refused' && events.length > 1) {
      const half = Math.ceil(events.length / 2);
      await deliver(tx, events.slice(0, half), stuck);
      await deliver(tx, events.slice(half), stuck);
    } else if (posted.kind === 'refused') {
      stuck.add(first.order_id);
      await failed(tx, ids, posted.error, backoffMs(first.retry_count + 1));
    } else {
      if (performance.now() >= pausedUntil) targetFaults += 1;
      const retryInMs = backoffMs(targetFaults);
      pausedUntil = Math.max(pausedUntil, performance.now() + retryInMs);
      await failed(tx, ids, posted.error, retryInMs);
    }
  }

  async function failed(tx: Connection, ids: readonly number[], error: string, retryInMs: number): Promise<void> {
    const became = await markFailed(tx, ids, { error, retryInMs, maxAttempts: limits.attempts });
    for (const status of became) metrics.deliveries.inc({ target, status });
    const dead = became.filter((status) => status === 'DEAD_LETTER').length;
    if (dead > 0) log.error({ target, dead, firstEventId: ids[0], error }, 'events given up on');
    else if (targetFaults <= 1)
      log.warn(
        { target, events: ids.length, firstEventId: ids[0], error, retryInMs },
        'delivery failed, will be tried again',
      );
  }

  /** Capped exponential with equal jitter, so that relays and retries do not march in step. */
  function backoffMs(attempt: number): number {
    return Math.min(limits.retryCapMs, limits.retryFirstMs * 2 ** (attempt - 1)) * (0.5 + random() / 2);
  }

  function databaseFault(fault: unknown): void {
    databaseFaults += 1;
    if (databaseFaults === 1) log.warn({ err: fault }, 'delivery cannot reach the database, will try again');
    pausedUntil = performance.now() + backoffMs(databaseFaults);
  }
}
