import { outsideEvents } from '../../domain/delivery-events.ts';
import type { Config } from '../../runtime/config.ts';
import { type Connection, openConnection } from '../../runtime/database.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { openRedis } from '../../runtime/redis.ts';
import { openAlarm } from './alarm.ts';
import { publishDeadLetters } from './dead-letter-list.ts';
import { type TargetBacklog, targetBacklogs } from './delivery-sql.ts';
import { sharedBreaker } from './shared-breaker.ts';
import { labelOf, targetUrls } from './target-urls.ts';
import { startTargetWorker, type TargetWorker, type WorkerLimits } from './target-worker.ts';

export interface DeliveryOptions {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Under which name the data platform counts; the engine by default. */
  readonly source?: string;
  /** 0 to 1. */
  readonly random?: () => number;
  readonly limits?: Partial<DeliveryLimits>;
}

export interface Delivery {
  /** Waits for what is being sent, at most `stopLimitMs`; what is cut off then is sent again by the next relay. */
  stop(): Promise<void>;
}

interface DeliveryLimits extends Omit<WorkerLimits, 'horizonMs'> {
  /** Targets beyond these, by name, wait until another has nothing left and no route. */
  readonly targets: number;
  /** How long the start waits for Redis. */
  readonly redisWaitMs: number;
  /** How often routes are read: an added one is served within this. */
  readonly lookMs: number;
  /** How often the lists of dead letters are made anew from Postgres. */
  readonly repairMs: number;
}

const deliveryLimits: DeliveryLimits = {
  batch: 100,
  /** POSTs at once, of each target: four carry 11,000 events/s to a target that takes 30 ms. */
  posts: 4,
  attempts: 10,
  /** Doubles with each try: with ten tries an event that is refused is given up after about 40 s. */
  retryFirstMs: 100,
  retryCapMs: 30_000,
  retryAfterCapMs: 300_000,
  probeMs: 30_000,
  /** While events flow, one claim gathers what came in this time; woken for each, it would send them one by one. */
  pollMs: 50,
  idlePollMs: 250,
  statementTimeoutMs: 5_000,
  stopLimitMs: 5_000,
  targets: 16,
  redisWaitMs: 500,
  lookMs: 2_000,
  repairMs: 60_000,
};

/**
 * Works off external_event_log, one worker for each target system: at least once, in order per order, keyed by event id. A slow or dead target
 * never slows a payment, which has committed its row and gone on, nor another target. Several relays are fine: for each target one works, the
 * others stand by. A target without a URL in the configuration is not served; its events then stay in the log.
 */
export function startDelivery(options: DeliveryOptions): Delivery {
  const { config, metrics, log, random = Math.random } = options;
  const limits = { ...deliveryLimits, ...options.limits, horizonMs: config.deliveryHorizonMs };
  if (config.dataPlatformUrl === undefined && Object.keys(config.targetUrls).length === 0) {
    log.info('no data platform is configured: events stay in external_event_log');
    return { stop: () => Promise.resolve() };
  }
  const urlOf = targetUrls(config, options.source);
  const alarm = openAlarm();
  const redis = openRedis(config.redisUrl, 'delivery');
  const workers = new Map<string, TargetWorker>();
  const labels = new Set<string>();
  /** Topics whose list in Redis does not say, or may not say, what Postgres does. */
  const stale = new Set<string>();
  let repairAt = 0;
  let connection: Connection | undefined;
  let complained = false;
  let stopping = false;
  redis.on('ready', () => {
    repairAt = 0; // it may have forgotten everything
    alarm.ring();
  });

  const done = run();
  return {
    async stop() {
      stopping = true;
      alarm.ring();
      await done;
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      await publishStale().catch(() => undefined); // the next relay does it
      await connection?.close();
      redis.disconnect();
    },
  };

  async function run(): Promise<void> {
    await alarm.after(limits.redisWaitMs); // what others know of the targets is worth a moment
    while (!stopping) {
      try {
        await look();
        complained = false;
      } catch (fault) {
        if (!complained) log.warn({ err: fault }, 'delivery cannot look for its targets, will try again');
        complained = true;
      }
      await alarm.after(limits.lookMs);
    }
  }

  async function look(): Promise<void> {
    connection ??= await openConnection(
      { url: config.databaseUrl, timeoutMs: limits.statementTimeoutMs, applicationName: 'delivery targets' },
      metrics,
    );
    const backlogs = await targetBacklogs(connection, limits.targets);
    if (stopping) return;
    await serve(backlogs.map(({ target }) => target));
    measure(backlogs);
    if (performance.now() >= repairAt) {
      for (const { topic } of outsideEvents) stale.add(topic);
      repairAt = performance.now() + limits.repairMs;
    }
    await publishStale();
  }

  async function serve(targets: readonly string[]): Promise<void> {
    for (const target of targets) if (!workers.has(target)) start(target);
    for (const [target, worker] of workers) {
      if (targets.includes(target)) continue;
      workers.delete(target);
      await worker.stop();
    }
  }

  function start(target: string): void {
    const url = urlOf(target);
    if (url === undefined) return;
    const shared = sharedBreaker(redis, config.keyPrefix, target, config.workerId);
    const { databaseUrl, outsideTimeoutMs: timeoutMs } = config;
    const worker = startTargetWorker({
      target,
      url,
      databaseUrl,
      timeoutMs,
      limits,
      shared,
      metrics,
      log,
      random,
      died,
    });
    workers.set(target, worker);
  }

  function died(topics: readonly string[]): void {
    for (const topic of topics) stale.add(topic);
    alarm.ring();
  }

  /** Targets outside of our table are counted together: the oldest of them, and all their dead. */
  function measure(backlogs: readonly TargetBacklog[]): void {
    const byLabel = new Map<string, { oldestSeconds: number; dead: number }>();
    for (const label of labels) byLabel.set(label, { oldestSeconds: 0, dead: 0 });
    for (const { target, oldestSeconds, dead } of backlogs) {
      const sum = byLabel.get(labelOf(target)) ?? { oldestSeconds: 0, dead: 0 };
      byLabel.set(labelOf(target), {
        oldestSeconds: Math.max(sum.oldestSeconds, oldestSeconds),
        dead: sum.dead + dead,
      });
    }
    for (const [target, { oldestSeconds, dead }] of byLabel) {
      labels.add(target);
      metrics.deliveryOldest.set({ target }, oldestSeconds);
      metrics.deadLetters.set({ target }, dead);
    }
  }

  async function publishStale(): Promise<void> {
    if (connection === undefined || redis.status !== 'ready') return; // kept until it is
    for (const topic of [...stale]) {
      stale.delete(topic);
      try {
        await publishDeadLetters(connection, redis, config.keyPrefix, [topic]);
      } catch (fault) {
        stale.add(topic);
        throw fault;
      }
    }
  }
}
