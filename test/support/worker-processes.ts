import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine } from '../../eventdriven/index.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { manyOrders, type PayableOrder } from './many-orders.ts';
import { type Child, startChild } from './processes.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from './services.ts';
import type { StyleOfWorkers } from './workers.ts';

/** Payments are accepted here and worked on in processes of their own, which a test may stop and kill. */
export interface WorkerProcesses {
  readonly db: FreshDatabase;
  readonly engine: PaymentEngine;
  readonly orders: readonly PayableOrder[];
  /** One more process. */
  work(environment?: Readonly<Record<string, string>>): Promise<Child>;
  stop(): Promise<void>;
}

export async function workerProcesses({ style, roles }: StyleOfWorkers, orders: number): Promise<WorkerProcesses> {
  const db = await freshDatabase();
  const redis = freshRedis();
  const environment = { DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix };
  const engine = createSagaEngine(style, portsOn(db.url, redis));
  const children: Child[] = [];
  const payable = await manyOrders(db.pool, orders);
  await engine.start();
  return {
    db,
    engine,
    orders: payable,
    async work(more = {}) {
      const child = await startChild('scripts/service.ts', roles, { ...environment, ...more });
      children.push(child);
      return child;
    },
    async stop() {
      await Promise.all(children.map((child) => child.stop()));
      await engine.stop();
      await db.drop();
    },
  };
}
