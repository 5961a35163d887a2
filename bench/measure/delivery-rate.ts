import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from '../arms/child-process.ts';
import { openConnection } from '../../runtime/database.ts';
import type { Tx } from '../../domain/ports.ts';

export interface Backlog {
  /** In all. */
  readonly events: number;
  /** Each gets its share. */
  readonly targets: readonly string[];
  /** Of the data platform's answer. */
  readonly latencyMs: number;
}

/** `databaseUrl`: a database of ours with the schema, in whose delivery log nothing is open. */
export interface RelayPlaces {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly keyPrefix: string;
}

export interface DeliveryRate {
  readonly events: number;
  readonly targets: number;
  /** None of more than 100 events: the data platform refuses larger ones. */
  readonly posts: number;
  /** From the first look at which something had arrived until the last event was marked. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/** How fast a relay in its own process works off a backlog, with the data platform in another. */
export async function measureDeliveryRate(
  backlog: Backlog,
  { databaseUrl, redisUrl, keyPrefix }: RelayPlaces,
  onSpawn: (pid: number) => void,
  signal: AbortSignal,
): Promise<DeliveryRate> {
  const { events, targets, latencyMs } = backlog;
  const stops: (() => Promise<unknown>)[] = [];
  const start = async (role: string, args: readonly string[], env: Readonly<Record<string, string>>) => {
    const child = await startChild({ name: role, script: 'scripts/service.ts', args: [role, ...args], env }, onSpawn, signal); // prettier-ignore
    stops.push(() => child.stop());
    return child;
  };
  try {
    const database = await openConnection({ url: databaseUrl, applicationName: 'sagashift-bench-relay' });
    stops.push(() => database.close());
    await database.query(backlogSql, [events, targets]);
    const platform = await start('dataplatform', ['--latency-ms', String(latencyMs)], {});
    await start('delivery', [], {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      SAGASHIFT_KEY_PREFIX: keyPrefix,
      SAGASHIFT_DATA_PLATFORM_URL: platform.url,
      SAGASHIFT_LOG_LEVEL: 'warn',
    });
    return { events, targets: targets.length, ...(await watch(database, platform, events, signal)) };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

const backlogSql = `insert into external_event_log (order_id, event_type, target_system, event_data)
  select n, 'payment.completed', ($2::text[])[1 + n % cardinality($2::text[])],
    jsonb_build_object('paymentId', n, 'orderId', n, 'userId', n % 1000, 'amount', 1000) from generate_series(1, $1::int) n`;

/** Time begins with the first look at which something had arrived; what had arrived by then does not count into the rate. */
async function watch(
  tx: Tx,
  platform: Child,
  events: number,
  signal: AbortSignal,
): Promise<Omit<DeliveryRate, 'events' | 'targets'>> {
  let first: { readonly at: number; readonly arrived: number } | undefined;
  const until = performance.now() + limitMs;
  while (performance.now() < until) {
    const { arrived, posts } = await received(platform.url, signal);
    if (arrived > 0) first ??= { at: performance.now(), arrived };
    const [open] = await tx.query(`select from external_event_log where status in ('PENDING', 'FAILED') limit 1`);
    if (open === undefined && first !== undefined) {
      const seconds = Math.max((performance.now() - first.at) / 1_000, 0.001);
      return { posts, seconds, eventsPerSecond: Math.round((events - first.arrived) / seconds) };
    }
    await sleep(20, undefined, { signal });
  }
  throw new Error(`not delivered within ${limitMs / 1_000} s`);
}

const limitMs = 300_000;

async function received(url: string, signal: AbortSignal): Promise<{ arrived: number; posts: number }> {
  const response = await fetch(`${url}/v1/stats`, { signal });
  const sources = Object.values((await response.json()) as Record<string, { events: number; requests: number }>);
  return {
    arrived: sources.reduce((sum, source) => sum + source.events, 0),
    posts: sources.reduce((sum, source) => sum + source.requests, 0),
  };
}
