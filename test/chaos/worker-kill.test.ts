import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Answer, PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine } from '../../eventdriven/index.ts';
import { brokenRules } from '../contract/books.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { manyOrders, type PayableOrder } from '../support/many-orders.ts';
import { type Child, startChild } from '../support/processes.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

/** kill -9 of the process that works on the sagas, while it does: nothing is lost, nothing doubled, all of it soon final. */
describe.each([
  { style: 'orchestration', roles: ['orchestrator'] },
  { style: 'choreography', roles: ['order', 'balance', 'product', 'payment'] },
] as const)('a $style worker killed under load', ({ style, roles }) => {
  let db: FreshDatabase;
  let engine: PaymentEngine;
  let environment: Record<string, string>;
  let orders: readonly PayableOrder[];
  const children: Child[] = [];

  beforeAll(async () => {
    db = await freshDatabase();
    const redis = freshRedis();
    environment = { DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix };
    orders = await manyOrders(db.pool, 600);
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
  const open = async (): Promise<number> => {
    const rows = await db.pool.query<{ n: number }>(
      "select count(*) as n from saga_state where status in ('RUNNING', 'COMPENSATING')",
    );
    return rows[0]?.n ?? 0;
  };

  test('another worker brings its sagas to an end', async () => {
    const first = await work();
    const answers: Promise<Answer>[] = [];
    let settled = 0;
    for (const { id, userId } of orders) {
      const route = { side: 'saga', reason: 'pinned', bucket: userId % 100, version: 1 } as const;
      const { settled: end } = await engine.submit(
        { orderId: id, userId, couponId: null, route },
        new AbortController().signal,
      );
      answers.push(end.finally(() => settled++));
      if (settled >= 100 && first.alive()) await first.kill('SIGKILL');
    }
    expect(first.alive()).toBe(false);
    expect(await open()).toBeGreaterThan(0);

    await work();
    const ends = await Promise.all(answers);

    expect(await open()).toBe(0);
    expect(ends.filter((end) => end.kind === 'paid')).toHaveLength(orders.length);
    expect(await brokenRules(db.pool)).toEqual({});
  }, 60_000);
});
