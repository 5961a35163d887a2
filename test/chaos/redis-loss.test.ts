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
  const start = () =>
    startChild('scripts/service.ts', roles, {
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

  test('when BullMQ has given all of its jobs up for good', async () => {
    await worker.stop();
    const connection = { url: redis.url, maxRetriesPerRequest: null };
    const queue = { connection, prefix: `${prefix}:bull` };
    // A job that stalled too often ends in the same place.
    const failing = new Worker(firstQueue[style], () => Promise.reject(new UnrecoverableError('stalled')), queue);
    const orders = await manyOrders(db.pool, 40);
    const load = await payAll(engine, orders);
    const jobs = new Queue(firstQueue[style], queue);
    const waiting = () => jobs.getJobCounts('waiting', 'active', 'delayed');
    while (Object.values(await waiting()).some((n) => n > 0)) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await jobs.getJobCounts('failed'))['failed']).toBeGreaterThan(0);
    await Promise.all([failing.close(), jobs.close()]);
    expect(await openSagas(db.pool)).toBe(orders.length);
    worker = await start();
    expect((await load.ends).filter(({ kind }) => kind === 'paid')).toHaveLength(orders.length);
    expect(await brokenRules(db.pool)).toEqual({});
  }, 40_000);
});
