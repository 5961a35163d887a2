import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import { startWorker } from '../../eventdriven/index.ts';
import { type Router, startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { openRedis } from '../../runtime/redis.ts';
import { call, type Reply } from '../support/api-client.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import type { Order } from '../support/shop.ts';
import { openSession } from '../support/sessions.ts';
import { switchOff, waitsForALock } from './switched-off.ts';

/**
 * A second payment of an order whose first is in work, for every pair of engines, each behind a router of its own. The first is
 * held by somebody who has the user's balance locked, and let go only when the second has its answer: one that waited for the
 * first would never get one.
 */
const engines = ['legacy', 'legacy-lean', 'orchestration', 'choreography'] as const;
type Engine = (typeof engines)[number];
const pairs = engines.flatMap((first) => engines.map((second) => ({ first, second })));
const log = createLog('router', 'silent');

interface Stage {
  readonly db: FreshDatabase;
  readonly redis: ReturnType<typeof freshRedis>;
  readonly at: Readonly<Record<Engine, Router>>;
  /** Of the same engine: another process of it. */
  readonly twin: Readonly<Record<Engine, Router>>;
  stop(): Promise<void>;
}

async function open(): Promise<Stage> {
  const db = await freshDatabase();
  const redis = freshRedis();
  const configOf = (engine: Engine, id: string) =>
    readConfig({
      ...{ DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix },
      ...{ SAGASHIFT_ENGINE: engine, SAGASHIFT_WORKER_ID: `${engine}-${id}`, SAGASHIFT_DB_CONNECTIONS: '4' },
    });
  const routers = async (id: string) =>
    Object.fromEntries(
      await Promise.all(
        engines.map(async (engine) => [engine, await startRouter(configOf(engine, id), { log })] as const),
      ),
    ) as Record<Engine, Router>;
  const [at, twin] = await Promise.all([routers('1'), routers('2')]);
  const roles = ['orchestrator', 'order', 'balance', 'product', 'payment'] as const;
  const config = configOf('orchestration', 'worker');
  const worker = await startWorker({ config, metrics: createMetrics(), log, roles });
  return {
    ...{ db, redis, at, twin },
    async stop() {
      await Promise.all([...Object.values(at), ...Object.values(twin)].map((router) => router.stop()));
      await worker.stop();
      await db.drop();
    },
  };
}

const pay = (router: Router, { id, userId }: Order): Promise<Reply> =>
  call('POST', `${router.url}/v1/orders/${id}/payments`, { userId });

/** Holds the balance that the order's payment needs while `work` goes on. */
async function holding<T>({ db }: Stage, { userId }: Order, work: () => Promise<T>): Promise<T> {
  const holder = await openSession(db.url, db.pool, 'read committed');
  await holder.begin();
  await holder.query('select from balances where user_id = $1 for update', [userId]);
  try {
    return await work();
  } finally {
    await holder.commit();
    await holder.close();
  }
}

/** Under these names the engines wait for a balance. */
const waits: Readonly<Record<Engine, string>> = {
  legacy: 'sagashift legacy',
  'legacy-lean': 'sagashift legacy-lean',
  orchestration: 'sagashift orchestration deductBalance contended',
  choreography: 'sagashift choreography deductBalance contended',
};

describe('while the first payment of an order is in work', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await open();
  }, 60_000);
  afterAll(() => stage.stop());

  test.each(pairs)('in $first, $second says 409 at once, and the first goes on', async ({ first, second }) => {
    const order = await shop(stage.db.pool).payable();
    const { paid, told } = await holding(stage, order, async () => {
      let answered = false;
      const paid = pay(stage.at[first], order).finally(() => (answered = true));
      await waitsForALock(stage.db.pool, waits[first]);
      const told = await pay(stage.twin[second], order);
      expect(answered).toBe(false);
      return { paid: () => paid, told };
    });
    expect(told).toMatchObject({ status: 409, body: { code: 'PAYMENT_IN_PROGRESS' } });
    const answer = await paid();
    expect(answer).toMatchObject({ status: 201, body: { engine: first } });
    const again = await pay(stage.twin[second], order);
    expect(again).toMatchObject({ status: 201, body: { engine: first, paymentId: answer.body['paymentId'] } });
  });

  test('nobody was paid twice, and the books are in order', async () => {
    const { violations, checked } = await verify(stage.db.url, { mode: 'live', expectEngines: engines });
    expect(violations).toBe(0);
    expect(checked).toEqual(Object.fromEntries(engines.map((engine) => [engine, engines.length])));
  });

  test('a monolith that still waits for a Redis lock has not begun: who claims the order pays it, and both say so', async () => {
    const order = await shop(stage.db.pool).payable();
    const redis = openRedis(stage.redis.url, 'test');
    const key = `${stage.redis.prefix}:balance-${order.userId}`;
    await redis.set(key, 'somebody else');
    const first = pay(stage.at.legacy, order);
    while ((await redis.exists(`${stage.redis.prefix}:payment-${order.id}`)) === 0) await nextTurn();
    const paid = await pay(stage.at.orchestration, order);
    await redis.del(key);
    const told = await first;
    redis.disconnect();
    expect(paid).toMatchObject({ status: 201, body: { engine: 'orchestration' } });
    expect(told).toMatchObject({ status: 201, body: { paymentId: paid.body['paymentId'] } });
  });
});

describe('without the try-lock of the claim', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await open();
    await switchOff(stage.db.pool, [
      { file: 'domain/route/claim-route.sql', from: 'where pg_try_advisory_xact_lock(q.order_id)', to: 'where true' },
    ]);
  }, 60_000);
  afterAll(() => stage.stop());

  test('the second waits until the first commits: it hangs as long as that takes', async () => {
    const order = await shop(stage.db.pool).payable();
    const [paid, told] = await holding(stage, order, async () => {
      const first = pay(stage.at['legacy-lean'], order);
      await waitsForALock(stage.db.pool, waits['legacy-lean']);
      const second = pay(stage.twin['orchestration'], order);
      await waitsForALock(stage.db.pool, 'sagashift orchestration accept');
      return [first, second] as const;
    });
    expect((await paid).status).toBe(201);
    expect((await told).status).not.toBe(409);
  });
});
