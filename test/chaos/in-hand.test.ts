import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine } from '../../eventdriven/index.ts';
import { silentMs } from '../../eventdriven/saga/rescuer.ts';
import { brokenRules } from '../contract/books.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { manyOrders, type PayableOrder } from '../support/many-orders.ts';
import { type Child, startChild } from '../support/processes.ts';
import { payAll } from '../support/saga-load.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

/**
 * In the choreography nobody owns a saga between two boundaries. Those that wait in a process for longer than a worker may be
 * silent are left to it while it lives, and found at once when it is killed.
 */
describe('payments that wait in a process of the choreography', () => {
  const payments = 16;
  /** Four at a time: the last wait for three times as long. */
  const slow = { SAGASHIFT_BATCHING: 'off', SAGASHIFT_ADDED_MS: `deductBalance=${Math.round(silentMs * 0.55)}` };
  let db: FreshDatabase;
  let engine: PaymentEngine;
  let environment: Record<string, string>;
  let orders: readonly PayableOrder[];
  const children: Child[] = [];

  beforeAll(async () => {
    db = await freshDatabase();
    const redis = freshRedis();
    environment = { DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix };
    orders = await manyOrders(db.pool, 2 * payments);
    engine = createSagaEngine('choreography', portsOn(db.url, redis));
    await engine.start();
    await work(['order']);
  });
  afterAll(async () => {
    await Promise.all(children.map((child) => child.stop()));
    await engine.stop();
    await db.drop();
  });

  const work = async (roles: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Child> => {
    const child = await startChild('scripts/service.ts', roles, { ...environment, ...more });
    children.push(child);
    return child;
  };
  const others = ['balance', 'product', 'payment'];
  /** Sagas that wait for their balance, and that a process says it has in hand. */
  const held = () =>
    db.pool.query<{ id: number }>(
      `select s.saga_id as id from worker_heartbeat h, unnest(h.in_hand) q join saga_state s on s.saga_id = q
       where h.role like 'balance%' and s.current_step = 'validateOrder'`,
    );

  test('are not claimed by others while it lives, however long they wait', async () => {
    const busy = await work(others, slow);
    const ends = await (await payAll(engine, orders.slice(0, payments))).ends;
    expect(ends.map(({ kind }) => kind)).toEqual(orders.slice(0, payments).map(() => 'paid'));
    expect(await db.pool.query('select saga_id from saga_state where epoch > 1')).toEqual([]);
    await busy.stop();
  }, 60_000);

  test('are claimed when it is killed', async () => {
    const dead = await work(others, slow);
    const load = await payAll(engine, orders.slice(payments));
    while ((await held()).length < payments / 2) await new Promise((resolve) => setTimeout(resolve, 20));
    await dead.kill('SIGKILL');
    const lost = (await held()).map(({ id }) => id);
    await work(others);
    const ends = await load.ends;
    expect(ends.map(({ kind }) => kind)).toEqual(orders.slice(payments).map(() => 'paid'));
    const claimed = await db.pool.query<{ saga_id: number; epoch: number }>(
      'select saga_id, epoch from saga_state where saga_id = any($1::bigint[])',
      [lost],
    );
    expect(claimed.filter(({ epoch }) => epoch < 2)).toEqual([]);
    expect(await brokenRules(db.pool)).toEqual({});
  }, 60_000);
});
