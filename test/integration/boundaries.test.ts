import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { refusalCodes, refusalStatus } from '../../domain/errors.ts';
import { steps } from '../../domain/steps.ts';
import type { Outcome } from '../../eventdriven/saga/saga.ts';
import {
  BALANCE,
  type BoundaryStage,
  boundaryStage,
  codeOf,
  ORDER,
  PAYMENT,
  said,
  STOCK,
} from '../support/boundary-stage.ts';
import { doors, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

let db: FreshDatabase;
let on: BoundaryStage;
beforeAll(async () => {
  db = await freshDatabase();
  on = boundaryStage(db.pool);
});
afterAll(() => db.drop());

describe('every boundary', () => {
  const boundaries = [ORDER, BALANCE, STOCK, PAYMENT] as const;
  const effects = (orderId: number) =>
    on.one<object>(
      `select (select count(*) from balance_ledger where order_id = $1) as debits,
         (select count(*) from stock_ledger where order_id = $1 and kind = 'CONFIRM') as confirmations,
         (select count(*) from payments where order_id = $1) as payments,
         (select count(*) from external_event_log where order_id = $1) as deliveries,
         (select count(*) from event_store where aggregate_id = 'order-' || $1::bigint) as events`,
      orderId,
    );

  test.each(boundaries)('%d happens once when it is asked for twice, and twice in one batch', async (at) => {
    const { order, saga } = await on.before(at);
    expect(said(await on.door.run(at, [saga, saga]))).toEqual(['ok', 'ok']);
    const after = await effects(order.id);
    const [again] = await on.door.run(at, [saga]);
    expect(again).toMatchObject({ outcome: 'already-done', facts: { due: 300, discount: 0, qtys: [1] } });
    expect(await effects(order.id)).toEqual(after);
  });

  test.each(boundaries)('%d answers fenced to an old epoch, and writes nothing', async (at) => {
    const { order, saga } = await on.before(at);
    const unchanged = await effects(order.id);
    await db.pool.query('update saga_state set epoch = 2 where saga_id = $1', [saga.sagaId]);
    expect(said(await on.door.run(at, [saga]))).toEqual(['fenced']);
    expect(await effects(order.id)).toEqual(unchanged);
    expect(await on.receiptsOf(saga)).toHaveLength(at);
    expect(said(await on.door.run(at, [{ ...saga, epoch: 2 }]))).toEqual(['ok']);
  });

  test.each(boundaries)('%d answers fenced to a worker that does not own the saga', async (at) => {
    const { saga } = await on.before(at);
    await db.pool.query(`update saga_state set owner = 'w1' where saga_id = $1`, [saga.sagaId]);
    expect(said(await doors(db.pool, { worker: 'w2' }).run(at, [saga]))).toEqual(['fenced']);
    expect(said(await doors(db.pool, { worker: null }).run(at, [saga]))).toEqual(['ok']);
  });

  test.each(boundaries)('%d undone before it was done is never done', async (at) => {
    const { order, saga } = await on.before(at);
    const unchanged = await effects(order.id);
    await turnBack(db.pool, saga.sagaId);
    expect(said(await on.door.undo(at, [saga]))).toEqual(['ok']);
    await db.pool.query(`update saga_state set status = 'RUNNING' where saga_id = $1`, [saga.sagaId]); // so that only the receipt can stop it
    expect(said(await on.door.run(at, [saga]))).toEqual(['fenced']);
    expect(await effects(order.id)).toMatchObject({ ...unchanged, events: expect.anything() });
    expect((await on.receiptsOf(saga)).slice(-2)).toEqual([
      expect.stringMatching(/EXECUTE FAILED voided$/),
      expect.stringMatching(/COMPENSATE SUCCESS$/),
    ]);
  });

  test.each(boundaries)('%d says busy while another session holds its row, and has written nothing', async (at) => {
    const { order, saga } = await on.before(at);
    const unchanged = await effects(order.id);
    const rows = [
      ['orders where id', order.id],
      ['balances where user_id', order.userId],
      ['stocks where product_id', order.productId],
      ['orders where id', order.id],
    ] as const;
    const [lock, id] = rows[at];
    const neighbour = await on.before(at);
    const both = () => on.door.run(at, [saga, neighbour.saga]);
    expect(said(await on.holding(lock, id, both))).toEqual(['busy', 'ok']);
    expect(await effects(order.id)).toEqual(unchanged);
    expect(await on.receiptsOf(saga)).toHaveLength(at);
    expect(said(await on.door.run(at, [saga]))).toEqual(['ok']);
  });

  test.each(boundaries)('%d can be asked for by nobody', async (at) => {
    expect(await on.door.run(at, [])).toEqual([]);
    expect(await on.door.undo(at, [])).toEqual([]);
  });
});

describe('a boundary that waits', () => {
  test('succeeds when the other session has committed, on what it left', async () => {
    const { order, saga } = await on.before(BALANCE, { balance: 1_000, price: 300 });
    let waiting: Promise<readonly Outcome[]> | undefined;
    await db.pool.transaction(async (tx) => {
      await tx.query('update balances set amount = 299 where user_id = $1', [order.userId]);
      waiting = on.door.run(BALANCE, [saga], true);
      await blocked();
    });
    expect((await waiting)?.map(codeOf)).toEqual(['BALANCE_INSUFFICIENT']);
    expect(await on.balanceOf(order.userId)).toBe(299);
  });

  /** Until some session of this database waits for a lock. */
  async function blocked(): Promise<void> {
    for (;;) {
      const rows = await db.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      if (rows.length > 0) return;
    }
  }
});

test('every compensation that a step names is a function of the database', async () => {
  const named = steps.flatMap(({ compensation }) => compensation ?? []);
  const there = await db.pool.query<{ proname: string }>('select proname from pg_proc where proname = any($1)', [
    named,
  ]);
  expect(there.map(({ proname }) => proname).sort()).toEqual([...named].sort());
});

test('the status a refusal leaves is the same in SQL and in code', async () => {
  const rows = await db.pool.query<{ code: (typeof refusalCodes)[number]; status: string }>(
    'select code, refusal_status(code) as status from unnest($1::text[]) code',
    [refusalCodes],
  );
  expect(rows).toHaveLength(refusalCodes.length);
  for (const { code, status } of rows) expect([code, status]).toEqual([code, refusalStatus(code)]);
});
