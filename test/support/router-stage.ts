import { afterAll, beforeAll } from '@jest/globals';
import { type Router, type RouterOverrides, startRouter } from '../../router/main.ts';
import { type Config, readConfig } from '../../runtime/config.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics, type Metrics } from '../../runtime/metrics.ts';
import { type AcceptingSaga, acceptingSaga } from './accepting-saga.ts';
import { call, type Reply } from './api-client.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from './services.ts';

/** Two routers on one database. Read its fields in tests: before them there is none. */
export interface RouterStage {
  readonly database: FreshDatabase;
  readonly store: Shop;
  /** What `sagas` hands its payments to. */
  readonly saga: AcceptingSaga;
  /** Every payment on the monolith. */
  readonly monolith: Router;
  /** Every payment on the saga. */
  readonly sagas: Router;
  /** Those of `monolith`. */
  readonly metrics: Metrics;
  readonly config: (over?: NodeJS.ProcessEnv) => Config;
  /** One more, for the test to stop. */
  readonly start: (env: NodeJS.ProcessEnv, overrides: RouterOverrides) => Promise<Router>;
  readonly pay: (
    orderId: number | string,
    body: unknown,
    router?: Router,
    headers?: Record<string, string>,
  ) => Promise<Reply>;
  /** How many rows there are in whatever a request can write to. */
  readonly everything: () => Promise<readonly number[]>;
}

const written = ['payment_route', 'payments', 'balance_ledger', 'stock_ledger', 'orders', 'saga_state', 'top_up'];

/** Of this file's own. Call it once, outside of tests. */
export function routerStage(): RouterStage {
  const metrics = createMetrics();
  const redis = freshRedis();
  const made = {} as { database: FreshDatabase; store: Shop; saga: AcceptingSaga; monolith: Router; sagas: Router };
  const config = (over: NodeJS.ProcessEnv = {}) =>
    readConfig({ DATABASE_URL: made.database.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix, ...over });
  const start = (env: NodeJS.ProcessEnv, overrides: RouterOverrides) =>
    startRouter(config(env), { log: createLog('router', 'silent'), ...overrides });
  const count = async (table: string): Promise<number> => {
    const [row] = await made.database.pool.query<{ n: number }>(`select count(*) as n from ${table}`);
    return row?.n ?? 0;
  };

  beforeAll(async () => {
    made.database = await freshDatabase();
    made.store = shop(made.database.pool);
    made.saga = acceptingSaga(made.database.pool);
    made.monolith = await start({ SAGASHIFT_ENGINE: 'legacy-lean' }, { metrics });
    made.sagas = await start(
      { SAGASHIFT_ENGINE: 'orchestration', SAGASHIFT_WAIT_LIMIT_MS: '150' },
      { engines: { orchestration: made.saga } },
    );
  });
  afterAll(async () => {
    made.saga.settle(() => ({ kind: 'unchanged', code: 'PAYMENT_IN_PROGRESS' }));
    await Promise.all([made.monolith.stop(), made.sagas.stop()]);
    await made.database.drop();
  });

  return Object.assign(made, {
    ...{ metrics, config, start },
    pay: (orderId: number | string, body: unknown, router = made.monolith, headers: Record<string, string> = {}) =>
      call('POST', `${router.url}/v1/orders/${orderId}/payments`, body, headers),
    everything: () => Promise.all(written.map(count)),
  });
}
