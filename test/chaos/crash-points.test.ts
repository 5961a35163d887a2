import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { microTransactions } from '../../domain/cuts.ts';
import { brokenRules } from '../contract/books.ts';
import type { Child } from '../support/processes.ts';
import { openSagas, payAll } from '../support/saga-load.ts';
import { type WorkerProcesses, workerProcesses } from '../support/worker-processes.ts';
import { styles } from '../support/workers.ts';

const forward = microTransactions.map(({ events }) => events.passed);

/** Between a commit and whoever should hear of it: what is not told is found, and what is told twice or as a "no" is not one. */
describe.each(styles)('in the $style', (workers) => {
  let on: WorkerProcesses;
  beforeAll(async () => {
    on = await workerProcesses(workers, 60);
    await on.db.pool.query(`update sagashift_database set purpose = 'test'`);
  });
  afterAll(() => on.stop());

  /** The events of each of these orders, in order of their numbers. */
  const streams = async (orders: WorkerProcesses['orders']) =>
    (
      await on.db.pool.query<{ events: string[] }>(
        `select array_agg(event_type order by sequence_number) as events from event_store
         where aggregate_id = any(select 'order-' || o from unnest($1::bigint[]) o) group by aggregate_id`,
        [orders.map(({ id }) => id)],
      )
    ).map(({ events }) => events);
  const answersOf = async ({ ready }: Child, outcome: string): Promise<number> => {
    const text = await (await fetch(new URL('/metrics', ready.url))).text();
    const count = new RegExp(`^payment_saga_step_duration_seconds_count\\{.*outcome="${outcome}".*\\} (\\d+)$`, 'gm');
    return [...text.matchAll(count)].reduce((sum, [, value]) => sum + Number(value), 0);
  };

  test('a worker dies right after a commit, before it has told anybody: another finds and goes on with what it did', async () => {
    const orders = on.orders.slice(0, 20);
    const dying = await on.work({ SAGASHIFT_FAULT: 'boundary-after-commit' });
    const load = await payAll(on.engine, orders);
    while (dying.alive()) await new Promise((resolve) => setTimeout(resolve, 20));
    const untold = await on.db.pool.query(
      `select from saga_state where status = 'RUNNING' and current_step = 'validateOrder'`,
    );
    expect(untold.length).toBeGreaterThan(0);

    const next = await on.work();
    expect((await load.ends).map(({ kind }) => kind)).toEqual(orders.map(() => 'paid'));
    await next.stop();
    expect(await streams(orders)).toEqual(orders.map(() => forward));
    expect(await brokenRules(on.db.pool)).toEqual({});
  }, 60_000);

  test('commits whose answer is lost are neither a no nor done twice: the receipt says what happened', async () => {
    const orders = on.orders.slice(20);
    const worker = await on.work({ SAGASHIFT_FAULT: 'commit-timeout' });
    const load = await payAll(on.engine, orders);
    expect((await load.ends).map(({ kind }) => kind)).toEqual(orders.map(() => 'paid'));
    expect(await answersOf(worker, 'unknown')).toBeGreaterThan(0);
    expect(await answersOf(worker, 'refused')).toBe(0);
    await worker.stop();
    expect(await openSagas(on.db.pool)).toBe(0);
    expect(await streams(orders)).toEqual(orders.map(() => forward));
    expect(await brokenRules(on.db.pool)).toEqual({});
  }, 60_000);
});
