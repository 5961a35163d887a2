import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { startDataPlatform } from '../../eventdriven/dataplatform/data-platform.ts';
import {
  bodyOf,
  type DeliveryStage,
  numbers,
  openDeliveryStage,
  quick,
  stats,
  until,
} from '../support/delivery-stage.ts';

let stage: DeliveryStage;
let database: DeliveryStage['database'];

beforeAll(async () => {
  stage = await openDeliveryStage();
  database = stage.database;
});
afterEach(() => stage.clear());
afterAll(() => stage.close());

const platform: DeliveryStage['platform'] = (options) => stage.platform(options);
const target: DeliveryStage['target'] = (answer) => stage.target(answer);
const relay: DeliveryStage['relay'] = (...options) => stage.relay(...options);
const insertEvents: DeliveryStage['insertEvents'] = (orderIds) => stage.insertEvents(orderIds);
const logRows: DeliveryStage['rows'] = () => stage.rows();
const statuses: DeliveryStage['statuses'] = () => stage.statuses();

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
    expect((await logRows()).every((row) => row.retry_count === 0)).toBe(true); // no event was at fault
    expect(await metric()).toHaveProperty('FAILED');
  });

  test('gives an event up after its last refusal, and says why', async () => {
    let asked = 0;
    const url = await target((req, res) => {
      req.resume();
      asked += 1;
      res.writeHead(422).end('no such \u0000 currency\u001b[2J');
    });
    await insertEvents([1]);
    const { metric } = relay(url, { limits: { ...quick, attempts: 4 } });
    await until(async () => (await statuses()) === 'DEAD_LETTER');
    expect(await logRows()).toEqual([
      expect.objectContaining({
        retry_count: 4,
        next_attempt_at: null,
        error_message: 'HTTP 422: no such   currency [2J',
      }),
    ]);
    expect(asked).toBe(4);
    await until(async () => 'DEAD_LETTER' in (await metric())); // counted after it was marked
    expect(await metric()).toEqual({ FAILED: 3, DEAD_LETTER: 1 });
  });

  test('an event waits for a target that is not there, for as long as the horizon; then it is given up', async () => {
    const url = await platform({ failureRate: 1 });
    await insertEvents(numbers(3));
    await database.pool.query(
      `update external_event_log set created_at = now() - interval '59 minutes' where event_id < 3`,
    );
    const { metric } = relay(url, {}, { SAGASHIFT_DELIVERY_HORIZON_S: '3600' });
    await until(async () => Number((await stats(url))['legacy-lean']?.['failed']) > 5);
    expect((await logRows()).map((row) => [row.status, row.retry_count])).toEqual(Array(3).fill(['FAILED', 0]));
    await database.pool.query(
      `update external_event_log set created_at = now() - interval '61 minutes' where event_id < 3`,
    );
    await until(async () => (await metric())['DEAD_LETTER'] === 2);
    expect((await logRows()).map((row) => row.status)).toEqual(['DEAD_LETTER', 'DEAD_LETTER', 'FAILED']);
    expect((await logRows())[0]?.error_message).toContain('503');
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
    // Between two looks it is idle, and not 'idle in transaction'.
    await until(async () => {
      const states = await database.pool.query<{ state: string }>(
        `select state from pg_stat_activity where application_name = 'delivery' and datname = current_database()`,
      );
      return states.map((row) => row.state).join() === 'idle';
    });
    await stop();
    expect(await logRows()).toEqual(Array(3).fill(expect.objectContaining({ status: 'PENDING', retry_count: 0 })));
  });

  test('a target that is gone is asked more and more rarely, and gets everything when it is back', async () => {
    const url = await platform();
    const gone = startDataPlatform({ host: '127.0.0.1', port: 0, latencyMs: 0, failureRate: 0, seed: 1 });
    const port = Number(new URL((await gone).url).port);
    await (await gone).stop();
    await insertEvents(numbers(2));
    const { metrics } = relay(`http://127.0.0.1:${port}`);
    await until(async () => (await logRows()).some((row) => row.error_message?.includes('ECONNREFUSED')));
    await until(async () => (await metrics.breakerState.get()).values[0]?.value === 2);
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

  test('stopping gives its connection back', async () => {
    const { stop } = relay(await platform());
    await until(async () => (await relayPids()).length === 1);
    await stop();
    expect(await relayPids()).toEqual([]);
  });

  test('without a data platform nothing is done', async () => {
    await insertEvents([1]);
    const { stop } = relay(undefined);
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
