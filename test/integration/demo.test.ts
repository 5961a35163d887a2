import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { verify } from '../../consistency/verifier.ts';
import { type Router, startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { createLog } from '../../runtime/log.ts';
import { type DemoCustomers, readCustomers } from '../../scripts/demo-customers.ts';
import { startTraffic, type Traffic, type TrafficOptions } from '../../scripts/demo-traffic.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

let database: FreshDatabase;
let router: Router;
let customers: DemoCustomers;
const running: Traffic[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  await loadDataset(database.url, { users: 200, products: 10, orders: 100, lowBalanceShare: 0.05, blockedShare: 0.05 });
  customers = await readCustomers(database.pool);
  const redis = freshRedis();
  const config = readConfig({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    SAGASHIFT_KEY_PREFIX: redis.prefix,
    SAGASHIFT_ENGINE: 'legacy-lean',
  });
  router = await startRouter(config, { log: createLog('router', 'silent') });
});
afterEach(async () => {
  for (const traffic of running.splice(0)) await traffic.stop();
});
afterAll(async () => {
  await router.stop();
  await database.drop();
});

function drive(options: Partial<TrafficOptions> = {}): Traffic {
  const traffic = startTraffic({ url: router.url, ratePerSecond: 200, customers, ...options });
  running.push(traffic);
  return traffic;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const rows = async (table: string, where = 'true'): Promise<number> => {
  const [row] = await database.pool.query<{ n: number }>(`select count(*) as n from ${table} where ${where}`);
  return row?.n ?? 0;
};

describe('the customers of a demo', () => {
  test('are of every kind that the data has', () => {
    expect(customers.ordinary.length).toBeGreaterThan(100);
    expect(customers.poor).toHaveLength(10);
    expect(customers.blocked).toHaveLength(10);
    expect(customers.products).toHaveLength(10);
  });
});

describe('the traffic of a demo', () => {
  test('orders, pays, tops up and is refused for every reason; the books agree with what it counted', async () => {
    const before = { orders: await rows('orders'), topUps: await rows('balance_ledger', "kind = 'TOPUP'") };
    const traffic = drive();
    const refusedFor = async (status: string): Promise<number> => rows('orders', `status = '${status}'`);
    await until(() => traffic.counts.paid >= 60 && traffic.counts.refused >= 8 && traffic.counts.topUps >= 2);
    for (const status of ['BALANCE_INSUFFICIENT', 'PAYMENT_FAILED'])
      await until(async () => (await refusedFor(status)) > 0);
    await traffic.stop();
    const { ordersPlaced, paid, legacy, saga, topUps, failed, turnedAway } = traffic.counts;
    expect({ failed, turnedAway, saga }).toEqual({ failed: 0, turnedAway: 0, saga: 0 });
    expect(await rows('orders')).toBe(before.orders + ordersPlaced);
    expect(await rows('payments')).toBe(paid);
    expect(await rows('balance_ledger', "kind = 'TOPUP'")).toBe(before.topUps + topUps);
    expect(legacy).toBe(paid + (await refusedFor('BALANCE_INSUFFICIENT')) + (await refusedFor('PAYMENT_FAILED')));
    const { violations } = await verify(database.url, { mode: 'live' });
    expect(violations).toBe(0);
  }, 40_000);

  test('stops for good', async () => {
    const traffic = drive();
    await until(() => traffic.counts.paid > 0);
    await traffic.stop();
    const after = { ...traffic.counts };
    await Promise.all([traffic.stop(), new Promise((resolve) => setTimeout(resolve, 50))]);
    expect(traffic.counts).toEqual(after);
  });
});

describe('the traffic of a demo whose router cannot take it', () => {
  let server: Server;
  let answer: (n: number) => { status: number; retryAfter?: string } | undefined;
  let asked = 0;
  let url: string;

  beforeAll(async () => {
    server = createServer((_req, res) => {
      const { status, retryAfter } = answer((asked += 1)) ?? { status: 0 };
      if (status === 0) return; // never
      res.writeHead(status, {
        'content-type': 'application/json',
        ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
      });
      res.end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test.each([503, 429])('backs off at %i for as long as it is told, and comes back', async (status) => {
    asked = 0;
    answer = (n) => (n === 1 ? { status, retryAfter: '1' } : { status: 404 });
    const traffic = drive({ url, ratePerSecond: 1_000, concurrency: 1 });
    await until(() => traffic.counts.turnedAway === 1);
    await until(() => traffic.waiting());
    expect(asked).toBe(1);
    await until(() => traffic.counts.refused > 3);
    expect(traffic.waiting()).toBe(false);
  });

  test('backs off from one that is away', async () => {
    const traffic = drive({ url: 'http://127.0.0.1:9', ratePerSecond: 1_000 });
    await until(() => traffic.waiting());
    expect(traffic.counts.failed).toBeGreaterThan(0);
  });

  test('has a limited number in hand and leaves out the rest; a stop breaks off what never ends', async () => {
    asked = 0;
    answer = () => undefined;
    const traffic = drive({ url, ratePerSecond: 1_000, concurrency: 3, stopLimitMs: 20 });
    await until(() => traffic.counts.skipped > 20 && asked >= 3);
    expect(asked).toBe(3);
    await traffic.stop();
    expect(traffic.counts.failed).toBe(0);
  });

  test('an answer that should not be is a failure', async () => {
    answer = () => ({ status: 500 });
    const traffic = drive({ url });
    await until(() => traffic.counts.failed > 1);
    expect(traffic.counts).toMatchObject({ paid: 0, refused: 0 });
  });
});
