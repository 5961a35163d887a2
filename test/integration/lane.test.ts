import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { microTransactions } from '../../domain/cuts.ts';
import type { Boundary } from '../../domain/cuts.ts';
import { type Lane, type LaneOptions, openLane } from '../../eventdriven/saga/lane.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { type Connection, openConnection } from '../../runtime/database.ts';
import { accept, doors, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

const [order, balance] = microTransactions as readonly [Boundary, Boundary];

let db: FreshDatabase;
let connections: Connection[];
let batches: number[];
let steps: string[];
let lane: Lane;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  connections = await Promise.all([1, 2, 3].map(() => openConnection({ url: db.url, timeoutMs: 5_000 })));
  lane = laneOf(balance);
});
afterEach(async () => {
  await lane.drained();
  await Promise.all(connections.map((one) => one.close()));
});

function laneOf(boundary: Boundary, more: Partial<LaneOptions> = {}): Lane {
  const [forward, contended, backward] = connections as [Connection, Connection, Connection];
  batches = [];
  steps = [];
  return openLane({
    boundary,
    engine: 'orchestration',
    worker: 'w1',
    addedMs: 0,
    inFlight: () => 64,
    maxBatch: 64,
    deliverTwice: false,
    swallowUndoFaults: false,
    forward: [forward],
    contended,
    backward,
    observe: (_, batch) => batches.push(batch.length),
    observeStep: (outcome) => steps.push(outcome),
    observeUndo: () => undefined,
    onRetry: () => undefined,
    ...more,
  });
}

const payables = async (count: number) => {
  const orders = [];
  for (let i = 0; i < count; i++) orders.push(await shop(db.pool).payable());
  return orders;
};
const validated = async (count: number): Promise<Saga[]> =>
  doors(db.pool).pass(await accept(db.pool, await payables(count)), 1);
const outcomes = async (sagas: readonly Saga[], through = lane) =>
  (await Promise.all(sagas.map((saga) => through.execute(saga)))).map(({ outcome }) => outcome);

describe('a lane', () => {
  test('takes what comes together as one batch', async () => {
    expect(await outcomes(await validated(5))).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(batches).toEqual([5]);
    expect(steps).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
  });

  test('takes about a quarter of what is in work, and one at a time when it must not batch', async () => {
    lane = laneOf(balance, { inFlight: () => 8 });
    await outcomes(await validated(4));
    expect(batches).toEqual([2, 2]);
    lane = laneOf(balance, { maxBatch: 1 });
    await outcomes(await validated(3));
    expect(batches).toEqual([1, 1, 1]);
  });

  test('lets the payments of a held row wait alone, while all others pass', async () => {
    const [held, ...others] = (await validated(4)) as [Saga, Saga, Saga, Saga];
    let waiting: Promise<string[]> | undefined;
    await db.pool.transaction(async (tx) => {
      await tx.query('select from balances where user_id = $1 for update', [held.userId]);
      waiting = outcomes([held]);
      expect(await outcomes(others)).toEqual(['ok', 'ok', 'ok']);
      expect(await outcomes(await validated(2))).toEqual(['ok', 'ok']); // and those that come later
    });
    expect(await waiting).toEqual(['ok']);
  });

  test('fails a poisoned payment alone, with what the database said', async () => {
    lane = laneOf(order);
    const [first, poisoned, last] = await payables(3);
    await db.pool.query('update order_items set qty = 2, unit_price = 9e18::bigint where order_id = $1', [
      poisoned?.id,
    ]);
    const sagas = await accept(
      db.pool,
      [first, poisoned, last].flatMap((one) => one ?? []),
    );
    const settled = await Promise.allSettled(sagas.map((saga) => lane.execute(saga)));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(settled[1]).toMatchObject({ reason: { code: '22003' } });
  });

  test('undoes in batches of its own', async () => {
    const sagas = await validated(3);
    await outcomes(sagas);
    for (const { sagaId } of sagas) await turnBack(db.pool, sagaId);
    const undone = await Promise.all(sagas.map((saga) => lane.undo(saga)));
    expect(undone.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok']);
    await lane.drained();
  });

  test('that delivers twice has the effect once, as long as there are receipts', async () => {
    const sagas = await validated(2);
    expect(await outcomes(sagas, (lane = laneOf(balance, { deliverTwice: true })))).toEqual(['ok', 'ok']);
    const debits = await db.pool.query(`select from balance_ledger where order_id = any($1) and kind = 'DEBIT'`, [
      sagas.map(({ orderId }) => orderId),
    ]);
    expect(debits).toHaveLength(2);
  });
});
