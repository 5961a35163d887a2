import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { type DataPlatformOptions, startDataPlatform } from '../../eventdriven/dataplatform/data-platform.ts';
import { type Delivery, type DeliveryOptions, startDelivery } from '../../eventdriven/delivery/delivery-relay.ts';
import { readConfig } from '../../runtime/config.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { freshDatabase } from '../support/services.ts';

let database: Awaited<ReturnType<typeof freshDatabase>>;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await freshDatabase();
});
beforeEach(async () => {
  await database.pool.query('truncate external_event_log restart identity');
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
afterAll(async () => {
  await database.drop();
});

async function platform(options: Partial<DataPlatformOptions> = {}): Promise<string> {
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
}

/** A target of the test's own making. */
async function target(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const quick = { retryFirstMs: 2, retryCapMs: 20, pollMs: 5, idlePollMs: 5 };

function relay(
  url: string | undefined,
  options: Partial<DeliveryOptions> = {},
): Delivery & { metric(): Promise<object> } {
  const config = readConfig({
    DATABASE_URL: database.url,
    REDIS_URL: 'redis://127.0.0.1:6379',
    SAGASHIFT_DATA_PLATFORM_URL: url,
    SAGASHIFT_ENGINE: 'legacy-lean',
    SAGASHIFT_OUTSIDE_TIMEOUT_MS: '1000',
  });
  const metrics = createMetrics();
  const delivery = startDelivery({ config, metrics, log: createLog('delivery', 'silent'), limits: quick, ...options });
  stops.push(() => delivery.stop());
  const metric = async (): Promise<object> => {
    const { values } = await metrics.deliveries.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.status), value]));
  };
  return { ...delivery, metric };
}

/** One payment.completed for each order. */
async function insertEvents(orderIds: readonly number[]): Promise<void> {
  await database.pool.query(
    `insert into external_event_log (order_id, event_type, target_system, event_data)
     select o, 'payment.completed', 'data-platform', jsonb_build_object('orderId', o, 'amount', 100) from unnest($1::bigint[]) o`,
    [orderIds],
  );
}

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

interface LogRow {
  event_id: number;
  order_id: number;
  status: string;
  retry_count: number;
  error_message: string | null;
  next_attempt_at: Date | null;
}
const logRows = (): Promise<LogRow[]> =>
  database.pool.query<LogRow>('select * from external_event_log order by event_id');
const statuses = async (): Promise<string> => [...new Set((await logRows()).map((row) => row.status))].sort().join();

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const stats = async (url: string): Promise<Record<string, Record<string, number>>> =>
  (await (await fetch(`${url}/v1/stats`)).json()) as never;

async function bodyOf(req: IncomingMessage): Promise<{ eventId: string; orderId: number }[]> {
  let body = '';
  for await (const chunk of req) body += String(chunk);
  return JSON.parse(body) as { eventId: string; orderId: number }[];
}

describe('delivery', () => {
  test('sends each event once, a hundred to a POST, under the name of the engine', async () => {
    const url = await platform();
    await insertEvents(numbers(250));
    const { metric } = relay(url);
    await until(async () => (await statuses()) === 'SENT');
    expect(await stats(url)).toEqual({
      'legacy-lean': { requests: 3, failed: 0, events: 250, duplicates: 0, distinctOrders: 250 },
    });
    await until(async () => JSON.stringify(await metric()) === '{"SENT":250}');
    expect(await logRows()).toEqual(Array(250).fill(expect.objectContaining({ retry_count: 0, error_message: null })));
  });

  test('tries again what the target could not take', async () => {
    const url = await platform({ failureRate: 0.6, seed: 3 });
    await insertEvents(numbers(300));
    const { metric } = relay(url);
    await until(async () => (await statuses()) === 'SENT');
    const { failed, ...counts } = (await stats(url))['legacy-lean'] ?? {};
    expect(failed).toBeGreaterThan(0);
    expect(counts).toMatchObject({ events: 300, duplicates: 0 });
    expect((await logRows()).reduce((sum, row) => sum + row.retry_count, 0)).toBeGreaterThanOrEqual(100);
    expect(await metric()).toHaveProperty('FAILED');
  });

  test('gives an event up after its last try, and says why', async () => {
    const url = await platform({ failureRate: 1 });
    await insertEvents(numbers(3));
    const { metric } = relay(url, { limits: { ...quick, attempts: 4 } });
    await until(async () => (await statuses()) === 'DEAD_LETTER');
    for (const row of await logRows()) {
      expect(row).toMatchObject({
        retry_count: 4,
        next_attempt_at: null,
        error_message: expect.stringContaining('503'),
      });
    }
    expect((await stats(url))['legacy-lean']).toMatchObject({ requests: 4, failed: 4, events: 0 });
    await until(async () => 'DEAD_LETTER' in (await metric())); // counted after it was marked
    expect(await metric()).toEqual({ FAILED: 9, DEAD_LETTER: 3 });
  });

  test('an event that is refused stands alone in the end: the others are sent, its order in order', async () => {
    const taken: string[] = [];
    const url = await target((req, res) => {
      void bodyOf(req).then((events) => {
        const poisoned = events.some((event) => event.eventId === '42');
        if (!poisoned) taken.push(...events.map((event) => event.eventId));
        res.writeHead(poisoned ? 422 : 202).end();
      });
    });
    await insertEvents(numbers(60));
    await insertEvents([42, 7]); // events 61 and 62
    relay(url, { limits: { ...quick, attempts: 3 } });
    await until(async () => (await statuses()) === 'DEAD_LETTER,SENT');
    expect((await logRows()).filter((row) => row.status === 'DEAD_LETTER').map((row) => row.event_id)).toEqual([42]);
    expect([...taken].sort((a, b) => Number(a) - Number(b))).toEqual(
      numbers(62)
        .filter((n) => n !== 42)
        .map(String),
    );
    expect(taken.indexOf('7')).toBeLessThan(taken.indexOf('62'));
    expect(taken.at(-1)).toBe('61'); // waited until its predecessor had been given up
  });

  test('an event that waits for its next try holds back its order only', async () => {
    const url = await platform();
    await insertEvents([1, 1, 2]);
    await database.pool.query(
      `update external_event_log set status = 'FAILED', next_attempt_at = now() + interval '1 hour' where event_id = 1`,
    );
    relay(url);
    await until(async () => (await logRows())[2]?.status === 'SENT');
    expect((await logRows()).map((row) => row.status)).toEqual(['FAILED', 'PENDING', 'SENT']);
    await database.pool.query('update external_event_log set next_attempt_at = now() where event_id = 1');
    await until(async () => (await statuses()) === 'SENT');
    expect((await stats(url))['legacy-lean']).toMatchObject({ events: 3, duplicates: 0 });
  });

  test('a target that does not answer holds no transaction and no row; stopping leaves its events open', async () => {
    let asked = 0;
    const url = await target(() => {
      asked += 1;
    });
    await insertEvents(numbers(3));
    const { stop } = relay(url, { limits: { ...quick, stopLimitMs: 20 } });
    await until(() => asked > 0);
    const held = await database.pool.transaction((tx) =>
      tx.query('select event_id from external_event_log for update nowait'),
    );
    expect(held).toHaveLength(3);
    expect(
      await database.pool.query(
        `select state from pg_stat_activity where application_name = 'delivery' and datname = current_database()`,
      ),
    ).toEqual([{ state: 'idle' }]);
    await stop();
    expect(await logRows()).toEqual(Array(3).fill(expect.objectContaining({ status: 'PENDING', retry_count: 0 })));
  });

  test('a target that is gone is asked more and more rarely, and gets everything when it is back', async () => {
    const url = await platform();
    const gone = startDataPlatform({ host: '127.0.0.1', port: 0, latencyMs: 0, failureRate: 0, seed: 1 });
    const port = Number(new URL((await gone).url).port);
    await (await gone).stop();
    await insertEvents(numbers(2));
    relay(`http://127.0.0.1:${port}`);
    await until(async () => (await logRows()).every((row) => row.retry_count >= 2));
    expect((await logRows())[0]?.error_message).toContain('ECONNREFUSED');
    const back = await platform({ port });
    await until(async () => (await statuses()) === 'SENT');
    expect((await stats(back))['legacy-lean']).toMatchObject({ events: 2, duplicates: 0 });
    expect(await stats(url)).toEqual({});
  });

  test('a relay that dies between the answer and the mark: its events are sent again, and the platform knows them', async () => {
    const behind = await platform();
    let taken = 0;
    const url = await target((req, res) => {
      void bodyOf(req)
        .then((events) => fetch(`${behind}/v1/events/arm`, { method: 'POST', body: JSON.stringify(events) }))
        .then(() => {
          taken += 1;
          if (taken > 1) res.writeHead(202).end();
        });
    });
    await insertEvents(numbers(30));
    const first = relay(url, { limits: { ...quick, stopLimitMs: 1 } });
    await until(() => taken === 1);
    await first.stop();
    expect(await statuses()).toBe('PENDING');
    relay(url);
    await until(async () => (await statuses()) === 'SENT');
    expect((await stats(behind))['arm']).toMatchObject({ requests: 2, events: 60, duplicates: 30, distinctOrders: 30 });
  });

  test('a mark that fails leaves the events open, and the relay goes on when the database does', async () => {
    const behind = await platform();
    let broken = false;
    const url = await target((req, res) => {
      void bodyOf(req).then(async (events) => {
        await fetch(`${behind}/v1/events/arm`, { method: 'POST', body: JSON.stringify(events) });
        if (!broken) await database.pool.query('alter table external_event_log rename to away');
        broken = true;
        res.writeHead(202).end();
      });
    });
    await insertEvents(numbers(30));
    const lines: string[] = [];
    const { metric } = relay(url, { log: pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }) });
    await until(() => lines.some((line) => line.includes('cannot reach the database')));
    await killRelays(1);
    await database.pool.query('alter table away rename to external_event_log');
    await until(async () => (await statuses()) === 'SENT');
    expect((await stats(behind))['arm']).toMatchObject({ distinctOrders: 30 });
    await until(async () => JSON.stringify(await metric()) === '{"SENT":30}');
  });

  test('of two relays one works; the other takes over when its connection dies', async () => {
    const url = await platform({ latencyMs: 2 });
    await insertEvents(numbers(1000));
    const relays = [relay(url), relay(url)];
    await until(async () => (await statuses()) === 'SENT');
    expect((await stats(url))['legacy-lean']).toEqual({
      requests: 10,
      failed: 0,
      events: 1000,
      duplicates: 0,
      distinctOrders: 1000,
    });
    const worked = await Promise.all(relays.map((one) => one.metric()));
    expect(worked.filter((counts) => Object.keys(counts).length > 0)).toHaveLength(1);

    await killRelays(1);
    await insertEvents(numbers(100));
    await until(async () => (await statuses()) === 'SENT');
    const { events = 0, duplicates = 0 } = (await stats(url))['legacy-lean'] ?? {};
    expect(events - duplicates).toBe(1100);
  });

  test('a nudge ends an idle wait', async () => {
    const url = await platform();
    const { nudge } = relay(url, { limits: { ...quick, pollMs: 60_000, idlePollMs: 60_000 } });
    await insertEvents([1]);
    await until(async () => {
      nudge();
      return (await statuses()) === 'SENT';
    });
    expect((await stats(url))['legacy-lean']).toMatchObject({ requests: 1, events: 1 });
  });

  test('stopping gives its connection back', async () => {
    const { stop } = relay(await platform());
    await until(async () => (await relayPids()).length === 1);
    await stop();
    expect(await relayPids()).toEqual([]);
  });

  test('without a data platform nothing is done', async () => {
    await insertEvents([1]);
    const { stop, nudge } = relay(undefined);
    nudge();
    await stop();
    expect(await statuses()).toBe('PENDING');
  });
});

const relayPids = (): Promise<{ pid: number }[]> =>
  database.pool.query(
    `select pid from pg_stat_activity where application_name = 'delivery' and datname = current_database()`,
  );

/** Ends the connections of the relays at work: those that hold the advisory lock. */
async function killRelays(count: number): Promise<void> {
  const killed = await database.pool.query(
    `select pg_terminate_backend(a.pid, 5000) from pg_stat_activity a
     where a.application_name = 'delivery' and a.datname = current_database()
       and exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory')`,
  );
  expect(killed).toHaveLength(count);
}
