import { type Connection, openConnection } from '../../runtime/database.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { openAlarm } from './alarm.ts';
import { backoffMs } from './backoff.ts';
import { deliverBatch, type TargetFault } from './deliver-batch.ts';
import { claimEvents, expireEvents, markRefused, markSent, markUnavailable, type OpenEvent } from './delivery-sql.ts';
import { postEvents } from './post-events.ts';
import type { SharedBreaker } from './shared-breaker.ts';
import { type BreakerLimits, openTargetBreaker } from './target-breaker.ts';
import { labelOf } from './target-urls.ts';

export interface WorkerLimits extends BreakerLimits {
  readonly batch: number;
  /** POSTs at once. */
  readonly posts: number;
  /** Times a target may say no to an event. */
  readonly attempts: number;
  readonly pollMs: number;
  readonly idlePollMs: number;
  readonly statementTimeoutMs: number;
  readonly stopLimitMs: number;
  /** How long an event waits for a target that is not there. */
  readonly horizonMs: number;
}

export interface WorkerOptions {
  readonly target: string;
  readonly url: string;
  readonly databaseUrl: string;
  readonly timeoutMs: number;
  readonly limits: WorkerLimits;
  readonly shared: SharedBreaker;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly random: () => number;
  /** Events of these topics have become dead letters. */
  readonly died: (topics: readonly string[]) => void;
}

export interface TargetWorker {
  stop(): Promise<void>;
}

/** More open events than this many batches are not looked at for one claim, however many wait for a retry. */
const lookAtBatches = 10;
const maxExpired = 1_000;

/** Works off the events of one target, with a connection and a breaker of its own: neither is there anything another target could hold up. */
export function startTargetWorker(options: WorkerOptions): TargetWorker {
  const { target, limits, metrics, random, shared } = options;
  const log = options.log.child({ target });
  const label = { target: labelOf(target) };
  const alarm = openAlarm();
  const cutOff = new AbortController();
  const posts = new Set<Promise<void>>();
  /** Orders of which an event is being sent. */
  const busy = new Set<number>();
  let connection: Connection | undefined;
  let stopping = false;
  let databaseFaults = 0;
  let databasePauseUntil = 0;
  const breaker = openTargetBreaker(target, { shared, limits, random, changed: sayState });
  sayState();

  const done = run();
  return {
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
      const pauseMs = Math.max(await breaker.waitMs(), databasePauseUntil - performance.now());
      const claimed = pauseMs > 0 || stopping ? 0 : await claim();
      if (claimed === limits.batch) continue;
      idleMs = claimed === 0 ? Math.min(idleMs * 2, limits.idlePollMs) : limits.pollMs;
      await alarm.after(Math.max(idleMs, pauseMs));
    }
    await Promise.all(posts);
    breaker.stop();
    await connection?.close();
  }

  /** Starts sending what is there and answers how much that was. After a fault one POST at a time, smaller with each fault. */
  async function claim(): Promise<number> {
    const [maxPosts, batch] =
      breaker.faults === 0
        ? [limits.posts, limits.batch]
        : [1, Math.max(1, limits.batch >> Math.min(breaker.faults, 30))];
    while (posts.size >= maxPosts) await Promise.race(posts);
    if ((await breaker.waitMs()) > 0) return 0; // what was waited for may have failed
    try {
      connection ??= await openConnection(
        { url: options.databaseUrl, timeoutMs: limits.statementTimeoutMs, applicationName: 'delivery' },
        metrics,
      );
      const lookAt = limits.posts * limits.batch + lookAtBatches * limits.batch;
      const events = await claimEvents(connection, target, [...busy], lookAt, batch);
      databaseFaults = 0;
      if (events.length === 0 || !(await breaker.admit())) return 0;
      begin(connection, events);
      return events.length;
    } catch (fault) {
      databaseFault(fault);
      return 0;
    }
  }

  function begin(tx: Connection, events: readonly OpenEvent[]): void {
    for (const { order_id } of events) busy.add(order_id);
    const post = deliver(tx, events)
      .catch(databaseFault) // not marked: they are sent again, and the target knows them by their ids
      .finally(() => {
        for (const { order_id } of events) busy.delete(order_id);
        posts.delete(post);
      });
    posts.add(post);
  }

  async function deliver(tx: Connection, batch: readonly OpenEvent[]): Promise<void> {
    const fault = await breaker.run(() =>
      deliverBatch(batch, {
        post: (events) => postEvents(options.url, events, options.timeoutMs, cutOff.signal),
        async sent(events) {
          await markSent(tx, idsOf(events));
          metrics.deliveries.inc({ ...label, status: 'SENT' }, events.length);
        },
        refused: (event, error) => refused(tx, event, error),
      }),
    );
    if (fault !== undefined && !cutOff.signal.aborted) await unavailable(tx, fault);
  }

  async function refused(tx: Connection, event: OpenEvent, error: string): Promise<void> {
    const retryInMs = backoffMs(event.retry_count + 1, limits, random);
    const [marked] = await markRefused(tx, event.event_id, { error, retryInMs, maxAttempts: limits.attempts });
    if (marked === undefined) return;
    const dead = marked.dead_topic !== null;
    metrics.deliveries.inc({ ...label, status: dead ? 'DEAD_LETTER' : 'FAILED' });
    if (dead) buried([marked.dead_topic], error);
    else log.warn({ eventId: event.event_id, error, retryInMs }, 'event refused, will be tried again');
  }

  /** Nobody's fault but the target's: no try is counted, only time. One event that was sent alone steps back for the next probe. */
  async function unavailable(tx: Connection, { error, events, broken }: TargetFault): Promise<void> {
    const putOffMs = broken && events.length === 1 ? 2 * backoffMs(breaker.faults, limits, random) : 0;
    const marked = await markUnavailable(tx, idsOf(events), { error, putOffMs });
    metrics.deliveries.inc({ ...label, status: 'FAILED' }, marked);
    if (breaker.faults <= 1) log.warn({ events: marked, error }, 'the target cannot be reached, will be tried again');
    const { horizonMs } = limits;
    const expired = await expireEvents(tx, target, { error, horizonMs, maxCount: maxExpired });
    if (expired.length === 0) return;
    metrics.deliveries.inc({ ...label, status: 'DEAD_LETTER' }, expired.length);
    buried(
      expired.flatMap(({ dead_topic }) => dead_topic ?? []),
      error,
    );
  }

  function buried(topics: readonly string[], error: string): void {
    log.error({ dead: topics.length, topics: [...new Set(topics)], error }, 'events given up on');
    options.died(topics);
  }

  function databaseFault(fault: unknown): void {
    databaseFaults += 1;
    if (databaseFaults === 1) log.warn({ err: fault }, 'delivery cannot reach the database, will try again');
    databasePauseUntil = performance.now() + backoffMs(databaseFaults, limits, random);
  }

  function sayState(): void {
    metrics.breakerState.set(label, breaker.state);
  }
}

const idsOf = (events: readonly OpenEvent[]): number[] => events.map((event) => event.event_id);
