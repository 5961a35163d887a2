import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine } from '../../eventdriven/index.ts';
import { brokenRules } from '../contract/books.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { manyOrders, type PayableOrder } from '../support/many-orders.ts';
import { type Child, startChild } from '../support/processes.ts';
import { openSagas, payAll } from '../support/saga-load.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

/**
 * A worker stopped by SIGSTOP beyond the silence limit, with sagas in its hands: two others take them over at once, and when it
 * goes on as if nothing had happened, the database tells it that it has lost them.
 */
describe.each([
  { style: 'orchestration', roles: ['orchestrator'] },
  { style: 'choreography', roles: ['order', 'balance', 'product', 'payment'] },
] as const)('a $style worker paused under load', ({ style, roles }) => {
  let db: FreshDatabase;
  let engine: PaymentEngine;
  let environment: Record<string, string>;
  let orders: readonly PayableOrder[];
  const children: Child[] = [];

  beforeAll(async () => {
    db = await freshDatabase();
    const redis = freshRedis();
    environment = { DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix };
    orders = await manyOrders(db.pool, 400);
    engine = createSagaEngine(style, portsOn(db.url, redis));
    await engine.start();
  });
  afterAll(async () => {
    await Promise.all(children.map((child) => child.stop()));
    await engine.stop();
    await db.drop();
  });

  const work = async (): Promise<Child> => {
    const child = await startChild('scripts/service.ts', roles, environment);
    children.push(child);
    return child;
  };
  const fenced = async (): Promise<number> => {
    const texts = await Promise.all(
      children.map(async ({ ready }) => (await fetch(new URL('/metrics', ready.url))).text()),
    );
    const values = texts.flatMap((text) => [...text.matchAll(/^payment_saga_fenced_total\{.*\} (\d+)$/gm)]);
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  };

  test('changes nothing when it wakes up: others have brought its sagas to an end', async () => {
    const paused = await work();
    const load = await payAll(engine, orders, {
      settled: 100,
      call: async () => void process.kill(paused.ready.pid, 'SIGSTOP'),
    });
    const left = await openSagas(db.pool);
    expect(left).toBeGreaterThan(0);

    await Promise.all([work(), work()]);
    const ends = await load.ends;
    expect(ends.filter(({ kind }) => kind === 'paid')).toHaveLength(orders.length);
    expect(await openSagas(db.pool)).toBe(0);

    process.kill(paused.ready.pid, 'SIGCONT');
    while ((await fenced()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await paused.stop(); // which waits for what it has in hand
    expect(await openSagas(db.pool)).toBe(0);
    expect(await brokenRules(db.pool)).toEqual({});
    const { perInvariant } = await verify(db.url, { mode: 'live' });
    expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
  }, 60_000);
});
