import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import { goForward } from '../../eventdriven/orchestration/orchestrator.ts';
import { startPruner } from '../../eventdriven/saga/pruner.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

const aDayMs = 86_400_000;
const log = createLog('test', 'silent');
let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('truncate saga_state, saga_step_execution');
});

const pay = async (blocked = false): Promise<Saga> => {
  const { user, product, order } = shop(db.pool);
  const placed = await order({ userId: await user({ blocked }), lines: [{ productId: await product(), qty: 1 }] });
  const [saga] = (await accept(db.pool, [placed])) as [Saga];
  await goForward(doors(db.pool).lanes, saga, 0);
  return saga;
};
const aged = ({ sagaId }: Saga, days: number, status: string | null = null) =>
  db.pool.query(
    `update saga_state set updated_at = now() - make_interval(days => $2), created_at = now() - make_interval(days => $2),
       status = coalesce($3, status) where saga_id = $1`,
    [sagaId, days, status],
  );
const receipts = async ({ sagaId }: Saga) =>
  (await db.pool.query('select from saga_step_execution where saga_id = $1', [sagaId])).length;
const prunerOf = (options: Partial<Parameters<typeof startPruner>[0]> = {}) =>
  startPruner({ db: db.pool, log, metrics: createMetrics(), retentionMs: 30 * aDayMs, ...options });

describe('receipts', () => {
  test('of sagas that ended long ago are deleted, and of no others; nothing in the books is missed', async () => {
    const [old, oldRefused, young] = [await pay(), await pay(true), await pay()];
    await Promise.all([aged(old, 31), aged(oldRefused, 31)]);
    const metrics = createMetrics();
    const pruner = prunerOf({ metrics });
    expect(await pruner.runOnce()).toBe(2);
    expect(await pruner.runOnce()).toBe(0);
    await pruner.stop();
    expect(await Promise.all([old, oldRefused, young].map(receipts))).toEqual([0, 0, 4]);
    expect((await metrics.receiptsPruned.get()).values).toMatchObject([{ value: 2 }]);
    const { perInvariant } = await verify(db.url, { mode: 'live' });
    expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
  });

  test('of open sagas and of those a person gave up are kept, whatever their age, and do not stop the rest', async () => {
    const [open, skipped, old] = [await pay(), await pay(true), await pay()];
    await aged(open, 90, 'RUNNING');
    await aged(skipped, 90, 'FAILED');
    await aged(old, 90);
    const [first] = await db.pool.query<{ pruned: number; next_saga: number }>(
      `select * from prune_receipts('30 days', 0, 2)`,
    );
    expect(first).toEqual({ pruned: 0, next_saga: skipped.sagaId + 1 });
    expect(await db.pool.query(`select * from prune_receipts('30 days', $1, 2)`, [first?.next_saga])).toEqual([
      { pruned: 1, next_saga: null },
    ]);
    expect(await Promise.all([open, skipped, old].map(receipts))).toEqual([4, expect.any(Number), 0]);
  });

  test('of a pruned saga are not needed against what comes late: its status fences', async () => {
    const saga = await pay();
    await aged(saga, 31);
    const pruner = prunerOf();
    await pruner.runOnce();
    await pruner.stop();
    const { run, undo } = doors(db.pool);
    for (const at of [0, 1, 2, 3]) {
      expect(await run(at, [saga], true)).toEqual([{ outcome: 'fenced' }]);
      expect(await undo(at, [saga])).toMatchObject([{ outcome: 'fenced' }]);
    }
    expect(await receipts(saga)).toBe(0);
  });

  test('are pruned in a loop of its own, which outlives a round that failed and ends when it is stopped', async () => {
    const saga = await pay();
    await aged(saga, 31);
    let rounds = 0;
    let done: () => void = () => undefined;
    const pruned = new Promise<void>((resolve) => (done = resolve));
    const pruner = prunerOf({
      everyMs: 5,
      db: {
        query: async (text, values) => {
          if (++rounds === 1) throw new Error('the database is away');
          const rows = await db.pool.query<never>(text, values);
          done();
          return rows;
        },
      },
    });
    await pruned;
    await pruner.stop();
    expect(await receipts(saga)).toBe(0);
    const after = rounds;
    await new Promise((resolve) => setImmediate(resolve));
    expect(rounds).toBe(after);
  });
});
