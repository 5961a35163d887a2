import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DataPlatformOptions, startDataPlatform } from '../../eventdriven/dataplatform/data-platform.ts';
import { type Delivery, type DeliveryOptions, startDelivery } from '../../eventdriven/delivery/delivery-relay.ts';
import { readConfig } from '../../runtime/config.ts';
import type { Pool } from '../../runtime/database.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics, type Metrics } from '../../runtime/metrics.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from './services.ts';

export interface LogRow {
  event_id: number;
  order_id: number;
  event_type: string;
  target_system: string;
  event_data: Record<string, unknown>;
  status: string;
  retry_count: number;
  error_message: string | null;
  next_attempt_at: Date | null;
}

export interface Relay extends Delivery {
  readonly metrics: Metrics;
  /** Deliveries by status. */
  metric(): Promise<Record<string, number>>;
}

/** Relays and targets of a test, on a database of its own. */
export interface DeliveryStage {
  readonly database: FreshDatabase;
  readonly redis: { readonly url: string; readonly prefix: string };
  platform(options?: Partial<DataPlatformOptions>): Promise<string>;
  /** A target of the test's own making. */
  target(answer: RequestListener): Promise<string>;
  relay(url: string | undefined, options?: Partial<DeliveryOptions>, env?: NodeJS.ProcessEnv): Relay;
  /** One payment.completed for each order. */
  insertEvents(orderIds: readonly number[], target?: string): Promise<void>;
  rows(): Promise<LogRow[]>;
  /** All there are, sorted. */
  statuses(target?: string): Promise<string>;
  /** Stops what the test started and empties the log. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** Backoff and polls of milliseconds. */
export const quick = { retryFirstMs: 2, retryCapMs: 20, pollMs: 5, idlePollMs: 5, lookMs: 10 };

export async function openDeliveryStage(): Promise<DeliveryStage> {
  const database = await freshDatabase();
  const redis = freshRedis();
  const stops: (() => Promise<unknown>)[] = [];
  const { pool } = database;
  return {
    database,
    redis,
    async platform(options = {}) {
      const started = await startDataPlatform({
        host: '127.0.0.1',
        port: 0,
        latencyMs: 0,
        failureRate: 0,
        seed: 1,
        ...options,
      });
      stops.push(() => started.stop());
      return started.url;
    },
    async target(answer) {
      const server = createServer(answer).listen(0, '127.0.0.1');
      await once(server, 'listening');
      stops.push(async () => {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    relay(url, options = {}, env = {}) {
      const config = readConfig({
        DATABASE_URL: database.url,
        REDIS_URL: redis.url,
        SAGASHIFT_KEY_PREFIX: redis.prefix,
        SAGASHIFT_DATA_PLATFORM_URL: url,
        SAGASHIFT_ENGINE: 'legacy-lean',
        SAGASHIFT_OUTSIDE_TIMEOUT_MS: '1000',
        ...env,
      });
      const metrics = createMetrics();
      const delivery = startDelivery({
        config,
        metrics,
        log: createLog('delivery', 'silent'),
        limits: quick,
        ...options,
      });
      stops.push(() => delivery.stop());
      return { ...delivery, metrics, metric: () => deliveriesOf(metrics) };
    },
    async insertEvents(orderIds, target = 'data-platform') {
      await pool.query(
        `insert into external_event_log (order_id, event_type, target_system, event_data)
         select o, 'payment.completed', $2, jsonb_build_object('orderId', o, 'amount', 100) from unnest($1::bigint[]) o`,
        [orderIds, target],
      );
    },
    rows: () => pool.query<LogRow>('select * from external_event_log order by event_id'),
    statuses: (target) => statusesIn(pool, target),
    async clear() {
      for (const stop of stops.splice(0).reverse()) await stop();
      await pool.query('truncate external_event_log restart identity');
    },
    close: () => database.drop(),
  };
}

async function deliveriesOf(metrics: Metrics): Promise<Record<string, number>> {
  const { values } = await metrics.deliveries.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.status), value]));
}

async function statusesIn(pool: Pool, target: string | undefined): Promise<string> {
  const rows = await pool.query<{ status: string }>(
    'select distinct status from external_event_log where $1::text is null or target_system = $1 order by status',
    [target ?? null],
  );
  return rows.map((row) => row.status).join();
}

export const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const stats = async (url: string): Promise<Record<string, Record<string, number>>> =>
  (await (await fetch(`${url}/v1/stats`)).json()) as never;

export interface SentEvent {
  readonly eventId: string;
  readonly type: string;
  readonly orderId: number;
  readonly data: Record<string, unknown>;
}

export async function bodyOf(req: IncomingMessage): Promise<SentEvent[]> {
  let body = '';
  for await (const chunk of req) body += String(chunk);
  return JSON.parse(body) as SentEvent[];
}
