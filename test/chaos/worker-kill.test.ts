import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenRules } from '../contract/books.ts';
import { openSagas, payAll } from '../support/saga-load.ts';
import { type WorkerProcesses, workerProcesses } from '../support/worker-processes.ts';
import { styles } from '../support/workers.ts';

/** kill -9 of the process that works on the sagas, while it does: nothing is lost, nothing doubled, all of it soon final. */
describe.each(styles)('a $style worker killed under load', (workers) => {
  let on: WorkerProcesses;
  beforeAll(async () => {
    on = await workerProcesses(workers, 600);
  });
  afterAll(() => on.stop());

  test('another worker brings its sagas to an end', async () => {
    const first = await on.work();
    const load = await payAll(on.engine, on.orders, { settled: 100, call: () => first.kill('SIGKILL') });
    expect(first.alive()).toBe(false);
    expect(await openSagas(on.db.pool)).toBeGreaterThan(0);

    await on.work();
    const ends = await load.ends;

    expect(await openSagas(on.db.pool)).toBe(0);
    expect(ends.filter(({ kind }) => kind === 'paid')).toHaveLength(on.orders.length);
    expect(await brokenRules(on.db.pool)).toEqual({});
  }, 60_000);
});
