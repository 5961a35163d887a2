import { setTimeout as sleep } from 'node:timers/promises';
import { startDataPlatform } from '../../eventdriven/index.ts';
import { changeRollout } from '../../router/canary/change-rollout.ts';
import { startRouter } from '../../router/main.ts';
import type { RolloutRow } from '../../router/rollout-sql.ts';
import { readConfig } from '../../runtime/config.ts';
import { type Stoppable, stopInReverse } from '../../runtime/lifecycle.ts';
import { startPrometheus } from '../../runtime/services/prometheus-server.ts';
import { startService } from '../../scripts/service-roles.ts';
import { call } from './api-client.ts';
import { manyOrders, type PayableOrder } from './many-orders.ts';
import { type FreshDatabase, freshRedis, shop } from './services.ts';

export interface ObservedStack extends Stoppable {
  readonly router: string;
  readonly prometheus: string;
  setRollout(change: Partial<RolloutRow>): Promise<void>;
  /** Pays order after order until aborted, a mixture of what can be paid and what is refused, on both sides. */
  drive(everyMs: number, signal: AbortSignal): Promise<void>;
}

/** Router with the monolith, orchestrator with the online verifier, and a data platform that fails now and then, in this process, and a Prometheus that looks at them. */
export async function startObservedStack(db: FreshDatabase, orders: number): Promise<ObservedStack> {
  const running: Stoppable[] = [];
  try {
    const redis = freshRedis();
    const platform = await startDataPlatform({
      ...{ host: '127.0.0.1', port: 0, latencyMs: 1 },
      ...{ failureRate: 0.2, seed: 1 },
    });
    running.push(platform);
    const env = {
      DATABASE_URL: db.url,
      REDIS_URL: redis.url,
      SAGASHIFT_KEY_PREFIX: redis.prefix,
      SAGASHIFT_DATA_PLATFORM_URL: platform.url,
      SAGASHIFT_LOG_LEVEL: 'silent',
    };
    const worker = await startService({
      ...{ roles: ['orchestrator', 'verifier'], port: 0, env },
      dataPlatform: { latencyMs: 0, failureRate: 0, seed: 1 },
    });
    running.push(worker);
    const router = await startRouter(readConfig(env));
    running.push(router);
    const payable = await mixture(db, orders);
    const prometheus = await startPrometheus({
      targets: [
        { job: 'router', address: new URL(router.url).host },
        { job: 'worker', address: new URL(worker.url).host },
        { job: 'data-platform', address: new URL(platform.url).host },
      ],
      rules: true,
    });
    running.push(prometheus);
    return {
      router: router.url,
      prometheus: prometheus.url,
      async setRollout(change) {
        const authorship = { actor: 'test', action: 'set', reason: 'test' };
        await changeRollout(db.pool, change, authorship, { retryOnConflict: true });
      },
      drive: (everyMs, signal) => drive(router.url, payable, everyMs, signal),
      stop: () => stopInReverse(running),
    };
  } catch (error) {
    await stopInReverse(running);
    throw error;
  }
}

/** Every tenth order is refused: for the balance, the user, or a reservation that has lapsed. Every second user is a VIP: the monolith's. */
async function mixture(db: FreshDatabase, count: number): Promise<PayableOrder[]> {
  const store = shop(db.pool);
  const orders = [...(await manyOrders(db.pool, count))];
  for (const tier of ['NORMAL', 'VIP'] as const) {
    const productId = await store.product({ stock: count });
    const poor = await store.user({ balance: 1, tier });
    const blocked = await store.user({ blocked: true, tier });
    const hasty = await store.user({ tier });
    for (let i = 0; i < count / 20; i += 1) {
      const userId = [poor, blocked, hasty][i % 3] as number;
      const order = await store.order({ userId, lines: [{ productId, qty: 1 }], lapsed: userId === hasty });
      orders.splice(20 * i, 0, order);
    }
  }
  await db.pool.query(`update users set tier = 'VIP' where id % 2 = 0 and not payment_blocked`);
  return orders;
}

async function drive(router: string, orders: PayableOrder[], everyMs: number, signal: AbortSignal): Promise<void> {
  const open = new Set<Promise<unknown>>();
  while (!signal.aborted) {
    const order = orders.shift();
    if (order === undefined) break;
    const paying = call('POST', `${router}/v1/orders/${order.id}/payments`, { userId: order.userId })
      .catch(() => undefined)
      .finally(() => open.delete(paying));
    open.add(paying);
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(open);
}
