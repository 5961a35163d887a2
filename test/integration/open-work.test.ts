import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type OpenWorkOptions, watchOpenWork } from '../../eventdriven/open-work.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics, type Metrics } from '../../runtime/metrics.ts';
import { openQueue } from '../../runtime/queues.ts';
import { manyOrders } from '../support/many-orders.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

/** The gauges of a worker say what is open: sagas, undelivered events, jobs. */
describe('the gauges of open work', () => {
  let db: FreshDatabase;
  let metrics: Metrics;
  let queue: ReturnType<typeof openQueue>;
  let watch: ReturnType<typeof watchOpenWork>;

  beforeAll(async () => {
    db = await freshDatabase();
    const redis = freshRedis();
    queue = openQueue({ redisUrl: redis.url, prefix: redis.prefix, name: 'order' });
    metrics = createMetrics();
    const options: OpenWorkOptions = {
      db: db.pool,
      metrics,
      log: createLog('test', 'silent'),
      queues: [queue],
      versions: [1],
    };
    watch = watchOpenWork(options);
  });

  afterAll(async () => {
    await watch.stop();
    await queue.close();
    await db.drop();
  });

  const values = async (name: string): Promise<Record<string, number>> => {
    const text = await metrics.registry.getSingleMetricAsString(name);
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    );
  };

  test('are nought when nothing is open', async () => {
    await watch.refresh();
    expect(await values('payment_saga_state')).toEqual({
      'payment_saga_state{status="RUNNING"}': 0,
      'payment_saga_state{status="COMPENSATING"}': 0,
    });
    expect(await values('payment_outbox_unpublished')).toEqual({ payment_outbox_unpublished: 0 });
    expect(await values('payment_queue_jobs')).toMatchObject({
      'payment_queue_jobs{queue="order",state="waiting"}': 0,
    });
  });

  test('count what is', async () => {
    const orders = await manyOrders(db.pool, 5);
    const ids = orders.map((order) => order.id);
    await db.pool.query(
      `insert into saga_state (saga_type, order_id, status, current_step, created_at, attention_at)
       select 'orchestration', o, case when n <= 2 then 'COMPENSATING' else 'RUNNING' end, 'accepted', now() - interval '1 minute',
         case when n = 1 then now() end
       from unnest($1::bigint[]) with ordinality x (o, n)`,
      [ids],
    );
    await db.pool.query(
      `insert into external_event_log (order_id, event_type, target_system, event_data, status, created_at)
       select o, 'payment.completed', 'data-platform', '{}', case when n <= 3 then 'PENDING' else 'DEAD_LETTER' end, now() - interval '10 s'
       from unnest($1::bigint[]) with ordinality x (o, n)`,
      [ids],
    );
    await queue.add('payment.requested', { sagas: [] });
    await watch.refresh();

    expect(await values('payment_saga_state')).toEqual({
      'payment_saga_state{status="RUNNING"}': 3,
      'payment_saga_state{status="COMPENSATING"}': 2,
    });
    expect(await values('payment_saga_attention')).toEqual({ payment_saga_attention: 1 });
    const oldest = (await values('payment_oldest_open_seconds'))['payment_oldest_open_seconds{side="saga"}'];
    expect(oldest).toBeGreaterThanOrEqual(60);
    expect(await values('payment_outbox_unpublished')).toEqual({ payment_outbox_unpublished: 3 });
    expect((await values('payment_outbox_lag_seconds'))['payment_outbox_lag_seconds']).toBeGreaterThanOrEqual(10);
    expect(await values('external_event_dead_letters')).toEqual({
      'external_event_dead_letters{target="data-platform"}': 2,
    });
    expect(await values('payment_queue_jobs')).toMatchObject({
      'payment_queue_jobs{queue="order",state="waiting"}': 1,
    });
  });
});
