import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Queue, UnrecoverableError, Worker } from 'bullmq';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine } from '../../eventdriven/index.ts';
import { firstQueue } from '../../eventdriven/saga/doorbell.ts';
import { brokenRules } from '../contract/books.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { manyOrders } from '../support/many-orders.ts';
import { privateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { type Child, startChild } from '../support/processes.ts';
import { openSagas, payAll } from '../support/saga-load.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';
import { styles } from '../support/workers.ts';

/** Everything in Redis may be lost at any time, and a job may be given up by BullMQ: Postgres remembers the sagas. */
describe.each(styles)('the $style loses nothing', ({ style, roles }) => {
  let db: FreshDatabase;
  let redis: PrivateRedis;
  let engine: PaymentEngine;
  let worker: Child;
  const prefix = 'loss';
  const start = (of: readonly string[] = roles) =>
    startChild('scripts/service.ts', of, {
      ...{ DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: prefix, SAGASHIFT_LOG_LEVEL: 'fatal' },
    });

  beforeAll(async () => {
    [db, redis] = await Promise.all([freshDatabase(), privateRedis()]);
    engine = createSagaEngine(style, portsOn(db.url, { url: redis.url, prefix }));
    await engine.start();
    worker = await start();
  });
  afterAll(async () => {
    await worker.stop();
    await engine.stop();
    await Promise.all([redis.stop(), db.drop()]);
  });

  /** Every payment ends paid although `call` happened while many were open. */
  async function expectSurvived(call: () => Promise<void>): Promise<void> {
    const orders = await manyOrders(db.pool, 300);
    let left = 0;
    const load = await payAll(engine, orders, {
      settled: 50,
      call: async () => {
        left = await openSagas(db.pool);
        await call();
      },
    });
    const ends = await load.ends;
    expect(left).toBeGreaterThan(0);
    expect(ends.filter(({ kind }) => kind === 'paid')).toHaveLength(orders.length);
    expect(await openSagas(db.pool)).toBe(0);
    expect(await brokenRules(db.pool)).toEqual({});
  }

  test('when all of Redis is flushed in mid-run', async () => {
    await expectSurvived(() => redis.flush());
  }, 40_000);

  test('when Redis is killed in mid-run and comes back empty', async () => {
    await expectSurvived(async () => {
      await redis.kill();
      await redis.start();
    });
  }, 40_000);

  /** What the choreography's last queue brings is given up with three boundaries done: nobody's, and owned by nobody. */
  const queues = [
    { name: firstQueue[style], others: [], at: 'accepted' },
    ...(style === 'choreography'
      ? [{ name: 'payment', others: ['order', 'balance', 'product'], at: 'confirmStock' }]
      : []),
  ];
  test.each(queues)(
    'when BullMQ has given all jobs of the queue $name up for good',
    async ({ name, others, at }) => {
      await worker.stop();
      const connection = { url: redis.url, maxRetriesPerRequest: null };
      const queue = { connection, prefix: `${prefix}:bull` };
      // A job that stalled too often ends in the same place.
      const failing = new Worker(name, () => Promise.reject(new UnrecoverableError('stalled')), queue);
      const jobs = new Queue(name, queue);
      const failedBefore = (await jobs.getJobCounts('failed'))['failed'] ?? 0;
      const orders = await manyOrders(db.pool, 40);
      const helping = others.length > 0 ? await start(others) : undefined;
      const load = await payAll(engine, orders);
      const there = async () =>
        (await db.pool.query(`select from saga_state where status = 'RUNNING' and current_step = $1`, [at])).length;
      const waiting = () => jobs.getJobCounts('waiting', 'active', 'delayed');
      while ((await there()) < orders.length || Object.values(await waiting()).some((n) => n > 0))
        await new Promise((resolve) => setTimeout(resolve, 10));
      await helping?.stop();
      expect((await jobs.getJobCounts('failed'))['failed']).toBeGreaterThan(failedBefore);
      await Promise.all([failing.close(), jobs.close()]);
      expect(await openSagas(db.pool)).toBe(orders.length);
      worker = await start();
      expect((await load.ends).filter(({ kind }) => kind === 'paid')).toHaveLength(orders.length);
      expect(await brokenRules(db.pool)).toEqual({});
    },
    40_000,
  );
});
