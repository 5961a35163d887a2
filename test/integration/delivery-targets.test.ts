import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RequestListener } from 'node:http';
import { routingPresets } from '../../domain/delivery-events.ts';
import { deadLetterKey } from '../../eventdriven/delivery/dead-letter-list.ts';
import { installRoutes } from '../../eventdriven/delivery/routes.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { openRedis, type Redis } from '../../runtime/redis.ts';
import {
  bodyOf,
  type DeliveryStage,
  numbers,
  openDeliveryStage,
  quick,
  type SentEvent,
  stats,
  until,
} from '../support/delivery-stage.ts';

let stage: DeliveryStage;
let redis: Redis;

beforeAll(async () => {
  stage = await openDeliveryStage();
  redis = openRedis(stage.redis.url, 'test');
});
beforeEach(() => installRoutes(stage.database.pool, 'single'));
afterEach(async () => {
  await stage.clear();
  const keys = await redis.keys(`${stage.redis.prefix}:*`);
  if (keys.length > 0) await redis.del(keys);
});
afterAll(async () => {
  redis.disconnect();
  await stage.close();
});

const route = (topic: string, target: string): Promise<unknown> =>
  stage.database.pool.query('insert into delivery_route (event_type, target_system) values ($1, $2)', [topic, target]);
const sql = (text: string): Promise<unknown> => stage.database.pool.query(text);

describe('many targets', () => {
  test('each has its own path, worker and connection', async () => {
    const url = await stage.platform();
    const targets = [...new Set(routingPresets.full.map(({ target }) => target))];
    await installRoutes(stage.database.pool, 'full');
    for (const target of targets) await stage.insertEvents(numbers(150), target);
    stage.relay(url);
    await until(async () => (await stage.statuses()) === 'SENT');
    const counted = await stats(url);
    expect(Object.keys(counted).sort()).toEqual(targets.map((target) => `${target}/legacy-lean`).sort());
    for (const counts of Object.values(counted))
      expect(counts).toMatchObject({ requests: 2, events: 150, duplicates: 0 });
  });

  test('a target may be somewhere else; one without any address is left alone', async () => {
    const got: SentEvent[] = [];
    const own = await stage.target((req, res) => {
      expect(req.url).toBe('/in?key=1');
      void bodyOf(req).then((events) => {
        got.push(...events);
        res.writeHead(202).end();
      });
    });
    await stage.insertEvents([1], 'inventory');
    await stage.insertEvents([2], 'recommendation');
    stage.relay(undefined, {}, { SAGASHIFT_TARGET_URLS: `inventory=${own}/in?key=1` });
    await until(async () => (await stage.statuses('inventory')) === 'SENT');
    expect(got.map((event) => event.orderId)).toEqual([1]);
    expect(await stage.statuses('recommendation')).toBe('PENDING');
  });

  test('a route is added and taken away without a restart; what was written for it is still sent', async () => {
    const url = await stage.platform();
    const { metrics } = stage.relay(url);
    const connections = async (): Promise<number> =>
      (
        await stage.database.pool.query(
          `select from pg_stat_activity where application_name = 'delivery' and datname = current_database()`,
        )
      ).length;
    await until(async () => (await connections()) === 1);
    await route('order.created', 'crm');
    await until(async () => (await connections()) === 2);
    await stage.insertEvents([1], 'crm');
    await sql(`delete from delivery_route where target_system = 'crm'`);
    await until(async () => (await stage.statuses()) === 'SENT');
    await until(async () => (await connections()) === 1); // nothing to do for it any more
    expect((await stats(url))['crm/legacy-lean']).toMatchObject({ events: 1 });
    const said = await metrics.registry.metrics();
    expect(said).toContain('external_events_total{target="other",status="SENT"} 1');
    expect(said).not.toContain('crm');
  });

  test('the metrics say of each target what waits, what was given up and whether it is cut off', async () => {
    const url = await stage.target((req, res) => {
      req.resume();
      res.writeHead(req.url?.includes('inventory') === true ? 503 : 202).end();
    });
    await stage.insertEvents([1], 'inventory');
    await stage.insertEvents([1]);
    await sql(`update external_event_log set created_at = now() - interval '1 minute'`);
    await sql(`insert into external_event_log (order_id, event_type, target_system, event_data, status)
      values (1, 'order.created', 'nobody', '{}', 'DEAD_LETTER'), (1, 'order.created', 'data-platform', '{}', 'DEAD_LETTER')`);
    await route('order.created', 'nobody');
    const { metrics } = stage.relay(url);
    const values = async (name: 'deliveryOldest' | 'deadLetters' | 'breakerState'): Promise<Record<string, number>> =>
      Object.fromEntries(
        (await metrics[name].get()).values.map(({ labels, value }) => [String(labels['target']), value]),
      );
    await until(async () => (await values('breakerState'))['inventory'] === 2);
    await until(async () => (await values('deliveryOldest'))['data-platform'] === 0);
    expect((await values('deliveryOldest'))['inventory']).toBeGreaterThanOrEqual(60);
    expect(await values('deadLetters')).toEqual({ 'data-platform': 1, inventory: 0, other: 1 });
    expect(await values('breakerState')).toMatchObject({ 'data-platform': 0 });
  });
});

/** What a target may do instead of taking what it is sent, and what becomes of its events. */
const bad: Readonly<Record<string, { answer: RequestListener; becomes: string; says: RegExp }>> = {
  'says 400': {
    answer: (_, res) => res.writeHead(400).end('what?'),
    becomes: 'DEAD_LETTER',
    says: /^HTTP 400: what\?$/,
  },
  'says 500': { answer: (_, res) => res.writeHead(500).end(), becomes: 'FAILED', says: /^HTTP 500$/ },
  'says 401': { answer: (_, res) => res.writeHead(401).end(), becomes: 'FAILED', says: /^HTTP 401$/ },
  'says 429': {
    answer: (_, res) => res.writeHead(429, { 'retry-after': '3600' }).end(),
    becomes: 'FAILED',
    says: /429/,
  },
  'talks garbage': { answer: (req) => req.socket.end('~~~\r\n\r\n'), becomes: 'FAILED', says: /fetch failed: / },
  'never answers': { answer: () => undefined, becomes: 'FAILED', says: /time/ },
  'closes the connection': { answer: (req) => req.socket.destroy(), becomes: 'FAILED', says: /other side closed/ },
  'sends us elsewhere': {
    answer: (_, res) => res.writeHead(307, { location: '/neighbour' }).end(),
    becomes: 'FAILED',
    says: /^HTTP 307$/,
  },
  'answers without end': {
    answer(_, res) {
      res.writeHead(503);
      const more = (): void => {
        while (!res.destroyed && res.write(Buffer.alloc(65_536, 'x')));
      };
      res.on('drain', more);
      more();
    },
    becomes: 'FAILED',
    says: /^HTTP 503: x{200}$/,
  },
};

describe('a target that', () => {
  test.each(Object.entries(bad))(
    '%s leaves a clear state, and its neighbours alone',
    async (_, { answer, becomes, says }) => {
      const neighbour = await stage.platform();
      const url = await stage.target((req, res) => {
        req.resume();
        answer(req, res);
      });
      await stage.insertEvents([1, 1, 2], 'inventory');
      const { metrics } = stage.relay(
        neighbour,
        { limits: { ...quick, attempts: 2 } },
        { SAGASHIFT_TARGET_URLS: `inventory=${url}/`, SAGASHIFT_OUTSIDE_TIMEOUT_MS: '100' },
      );
      await until(async () => (await stage.statuses('inventory')).includes(becomes));
      await stage.insertEvents(numbers(300)); // while the other one is down
      await until(async () => (await stage.statuses('data-platform')) === 'SENT');
      // On a busy machine the time-out may hit an answer of this one, too: then some came twice, and are known by their ids.
      const { events, duplicates, failed } = (await stats(neighbour))['legacy-lean'] as Record<string, number>;
      expect({ different: (events ?? 0) - (duplicates ?? 0), failed }).toEqual({ different: 300, failed: 0 });
      const rows = (await stage.rows()).filter((row) => row.target_system === 'inventory' && row.status === becomes);
      for (const row of rows) expect(row.error_message).toMatch(says);
      if (becomes === 'FAILED') expect(rows.every((row) => row.retry_count === 0)).toBe(true);
      expect(await metrics.registry.metrics()).not.toContain('external_events_total{target="inventory",status="SENT"}');
    },
  );

  test('says 429 is not asked again before it wants to be', async () => {
    let asked = 0;
    const url = await stage.target((req, res) => {
      req.resume();
      asked += 1;
      res.writeHead(429, { 'retry-after': '3600' }).end();
    });
    await stage.insertEvents([1]);
    stage.relay(url);
    await until(async () => (await stage.statuses()) === 'FAILED');
    await stage.insertEvents([2]);
    await sql('select pg_sleep(0.1)'); // as long as many retries of a test
    expect(asked).toBe(1);
  });

  test('breaks over one event is sent the others, each order in order, while that one is tried', async () => {
    const taken: number[] = [];
    let tries = 0;
    const url = await stage.target((req, res) => {
      void bodyOf(req).then((events) => {
        const poisoned = events.some((event) => event.eventId === '42');
        if (poisoned) tries += events.length === 1 ? 1 : 0;
        else taken.push(...events.map((event) => Number(event.eventId)));
        res.writeHead(poisoned ? 500 : 202).end();
      });
    });
    await stage.insertEvents([...numbers(60), 42, 7]); // events 61 and 62
    stage.relay(url, { limits: { ...quick, attempts: 3 } });
    await until(async () => (await stage.rows()).filter((row) => row.status === 'SENT').length === 60);
    // Alone in the queue it can't be told from a target that is down; the next events tell.
    for (let order = 100; (await stage.rows())[41]?.status !== 'DEAD_LETTER'; order += 1) {
      await stage.insertEvents([order, order + 1_000]);
      await until(async () => !(await stage.statuses()).includes('PENDING'));
    }
    await until(async () => (await stage.statuses()) === 'DEAD_LETTER,SENT');
    const rows = await stage.rows();
    expect(rows.filter((row) => row.status === 'DEAD_LETTER').map((row) => row.event_id)).toEqual([42]);
    expect(rows[41]).toMatchObject({ retry_count: 3, error_message: 'HTTP 500' });
    expect(tries).toBeGreaterThan(2);
    expect(new Set(taken).size).toBe(taken.length);
    expect(taken.indexOf(7)).toBeLessThan(taken.indexOf(62));
    expect(taken.filter((id) => id === 61)).toHaveLength(1);
  });

  test('was down gets everything when it is back, and its breaker says so', async () => {
    let down = true;
    const got: number[] = [];
    const url = await stage.target((req, res) => {
      void bodyOf(req).then((events) => {
        if (!down) got.push(...events.map((event) => Number(event.eventId)));
        res.writeHead(down ? 500 : 202).end();
      });
    });
    await stage.insertEvents(numbers(250).map((n) => 1 + (n % 50)));
    const { metrics } = stage.relay(url);
    await until(async () => (await metrics.breakerState.get()).values[0]?.value === 2);
    down = false;
    await until(async () => (await stage.statuses()) === 'SENT');
    expect((await metrics.breakerState.get()).values[0]?.value).toBe(0);
    const rows = await stage.rows();
    expect(rows.every((row) => row.retry_count === 0)).toBe(true);
    for (const order of numbers(50)) {
      const own = rows.filter((row) => row.order_id === order).map((row) => row.event_id);
      expect(got.filter((id) => own.includes(id))).toEqual(own);
    }
  });
});

describe('relays of several processes', () => {
  test('the next one leaves a target alone that the last one has found down, and tries it when it is time', async () => {
    let asked = 0;
    let down = true;
    const url = await stage.target((req, res) => {
      req.resume();
      asked += 1;
      res.writeHead(down ? 503 : 202, { 'retry-after': '3600' }).end();
    });
    await stage.insertEvents([1, 2, 3]);
    const stateOf = async (of: { metrics: Metrics }): Promise<unknown> =>
      (await of.metrics.breakerState.get()).values[0]?.value;
    const keys = async (): Promise<number> => (await redis.keys(`${stage.redis.prefix}:breaker:*`)).length;
    const first = stage.relay(url, {}, { SAGASHIFT_WORKER_ID: 'first' });
    await until(async () => (await keys()) === 2);
    await first.stop();

    const second = stage.relay(url, {}, { SAGASHIFT_WORKER_ID: 'second' });
    await until(async () => (await stateOf(second)) !== 0); // it has heard
    await second.stop();
    expect([asked, await stage.statuses()]).toEqual([1, 'FAILED']);

    down = false;
    await redis.del(`${stage.redis.prefix}:breaker:data-platform:pause`); // as when it has expired
    const third = stage.relay(url, {}, { SAGASHIFT_WORKER_ID: 'third' });
    await until(async () => (await stage.statuses()) === 'SENT');
    await until(async () => (await stateOf(third)) === 0 && (await keys()) === 0);
  });
});

describe('dead letters in Redis', () => {
  const list = async (topic: string): Promise<number[]> =>
    (await redis.lrange(deadLetterKey(stage.redis.prefix, topic), 0, -1)).map(
      (text) => (JSON.parse(text) as { eventId: number }).eventId,
    );

  test('are listed by topic, newest first', async () => {
    const url = await stage.target((req, res) => {
      req.resume();
      res.writeHead(400).end('no');
    });
    await stage.insertEvents([1, 2, 3]);
    stage.relay(url, { limits: { ...quick, attempts: 1 } });
    await until(async () => (await list('payment.completed')).length === 3);
    expect(await list('payment.completed')).toEqual([3, 2, 1]);
    const [text = ''] = await redis.lrange(deadLetterKey(stage.redis.prefix, 'payment.completed'), 0, 0);
    expect(JSON.parse(text)).toMatchObject({
      eventId: 3,
      orderId: 3,
      topic: 'payment.completed',
      target: 'data-platform',
      tries: 1,
      error: 'HTTP 400: no',
    });
  });

  test('lost or wrong, the list is made anew from Postgres', async () => {
    await sql(`insert into external_event_log (order_id, event_type, target_system, event_data, status)
      select n, 'order.created', 'inventory', '{}', 'DEAD_LETTER' from generate_series(1, 1010) n`);
    await redis.rpush(deadLetterKey(stage.redis.prefix, 'user.activity'), '{"eventId":99}');
    stage.relay(await stage.platform(), { limits: { ...quick, repairMs: 20 } });
    await until(async () => (await list('order.created')).length === 1_000);
    expect((await list('order.created')).at(-1)).toBe(11);
    await until(async () => (await list('user.activity')).length === 0);
    await redis.del(deadLetterKey(stage.redis.prefix, 'order.created'));
    await until(async () => (await list('order.created')).length === 1_000);
  });
});
