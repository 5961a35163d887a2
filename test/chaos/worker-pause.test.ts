import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import { brokenRules } from '../contract/books.ts';
import type { Child } from '../support/processes.ts';
import { openSagas, payAll } from '../support/saga-load.ts';
import { type WorkerProcesses, workerProcesses } from '../support/worker-processes.ts';
import { styles } from '../support/workers.ts';

/**
 * A worker stopped by SIGSTOP beyond the silence limit, with sagas in its hands: two others take them over at once, and when it
 * goes on as if nothing had happened, the database tells it that its work is done or that it has lost them.
 */
describe.each(styles)('a $style worker paused under load', (workers) => {
  let on: WorkerProcesses;
  beforeAll(async () => {
    on = await workerProcesses(workers, 400);
  });
  afterAll(() => on.stop());

  /** Answers that told a worker that somebody else had done its work, or had taken the saga from it. */
  const turnedAway = async ({ ready }: Child): Promise<number> => {
    const text = await (await fetch(new URL('/metrics', ready.url))).text();
    const count = /^payment_saga_step_duration_seconds_count\{.*outcome="(?:already-done|fenced)".*\} (\d+)$/gm;
    return [...text.matchAll(count)].reduce((sum, [, value]) => sum + Number(value), 0);
  };

  test('changes nothing when it wakes up: others have brought its sagas to an end', async () => {
    // Slow enough to have sagas in hand at any instant, however fast the machine is.
    const paused = await on.work({ SAGASHIFT_ADDED_MS: 'deductBalance=20,confirmStock=20' });
    const load = await payAll(on.engine, on.orders, {
      settled: 100,
      call: async () => void process.kill(paused.ready.pid, 'SIGSTOP'),
    });
    const left = await openSagas(on.db.pool);
    expect(left).toBeGreaterThan(0);

    await Promise.all([on.work(), on.work()]);
    const ends = await load.ends;
    expect(ends.filter(({ kind }) => kind === 'paid')).toHaveLength(on.orders.length);
    expect(await openSagas(on.db.pool)).toBe(0);

    process.kill(paused.ready.pid, 'SIGCONT');
    while ((await turnedAway(paused)) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await paused.stop(); // which waits for what it has in hand
    expect(await openSagas(on.db.pool)).toBe(0);
    expect(await brokenRules(on.db.pool)).toEqual({});
    const { perInvariant } = await verify(on.db.url, { mode: 'live' });
    expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
  }, 60_000);
});
