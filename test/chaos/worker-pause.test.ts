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
 * goes on as if nothing had happened, the database tells it that its work is done or that it has lost them.
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

  const work = async (more: Readonly<Record<string, string>> = {}): Promise<Child> => {
    const child = await startChild('scripts/service.ts', roles, { ...environment, ...more });
    children.push(child);
    return child;
  };
  /** Answers that told a worker that somebody else had done its work, or had taken the saga from it. */
  const turnedAway = async ({ ready }: Child): Promise<number> => {
    const text = await (await fetch(new URL('/metrics', ready.url))).text();
    const count = /^payment_saga_step_duration_seconds_count\{.*outcome="(?:already-done|fenced)".*\} (\d+)$/gm;
    return [...text.matchAll(count)].reduce((sum, [, value]) => sum + Number(value), 0);
  };

  test('changes nothing when it wakes up: others have brought its sagas to an end', async () => {
    // Slow enough to have sagas in hand at any instant, however fast the machine is.
    const paused = await work({ SAGASHIFT_ADDED_MS: 'deductBalance=20,confirmStock=20' });
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
    while ((await turnedAway(paused)) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await paused.stop(); // which waits for what it has in hand
    expect(await openSagas(db.pool)).toBe(0);
    expect(await brokenRules(db.pool)).toEqual({});
    const { perInvariant } = await verify(db.url, { mode: 'live' });
    expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
  }, 60_000);
});
