import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { microTransactions } from '../../domain/cuts.ts';
import type { Tx } from '../../domain/ports.ts';
import { runBoundary } from '../../eventdriven/saga/boundary-sql.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { type Connection, openConnection, sqlState } from '../../runtime/database.ts';
import { BALANCE, type BoundaryStage, boundaryStage, said } from '../support/boundary-stage.ts';
import { doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

/** Each of the three time-outs stops a step in the database, alone: nothing of it stays, no lock is left, and it can be run again. */
const timeoutMs = 200;
const aMinute = 60_000;

let db: FreshDatabase;
let on: BoundaryStage;
let lane: Connection;
beforeAll(async () => {
  db = await freshDatabase();
  on = boundaryStage(db.pool);
});
afterAll(() => db.drop());
beforeEach(async () => {
  lane = await openConnection({ url: db.url, timeoutMs });
});
afterEach(() => lane.close());

/** The balance step on this connection, `addedMs` slower than it is. */
const debit = (tx: Tx, saga: Saga, addedMs = 0) => {
  const [, boundary] = microTransactions as [never, (typeof microTransactions)[number]];
  return runBoundary(tx, { boundary, engine: 'orchestration', worker: 'w1', wait: true, addedMs }, [saga]);
};
const faultOf = (work: Promise<unknown>): Promise<string | undefined> => work.then(() => undefined, sqlState);
const pidOf = async (tx: Tx) => (await tx.query<{ pid: number }>('select pg_backend_pid() as pid'))[0]?.pid;

async function nothingHappened({ order, saga }: Awaited<ReturnType<BoundaryStage['before']>>): Promise<void> {
  expect(await on.balanceOf(order.userId)).toBe(1_000);
  expect(await on.receiptsOf(saga)).toHaveLength(BALANCE);
  await db.pool.query('select from saga_state where saga_id = $1 for update nowait', [saga.sagaId]);
  await db.pool.query('select from balances where user_id = $1 for update nowait', [order.userId]);
  expect(said(await doors(db.pool).run(BALANCE, [saga]))).toEqual(['ok']);
}

describe('a step is stopped', () => {
  test('by the statement’s time-out when it works for too long; its connection stays', async () => {
    const one = await on.before(BALANCE);
    const pid = await pidOf(lane);
    expect(await faultOf(debit(lane, one.saga, aMinute))).toBe('57014');
    expect(await pidOf(lane)).toBe(pid);
    await nothingHappened(one);
  });

  test('by the lock’s time-out when somebody holds its row, before the statement’s', async () => {
    const one = await on.before(BALANCE);
    const fault = await on.holding('balances where user_id', one.order.userId, () => faultOf(debit(lane, one.saga)));
    expect(fault).toBe('55P03');
    await nothingHappened(one);
  });

  test('by the transaction’s time-out when neither of them does; the connection that comes next has all three', async () => {
    const one = await on.before(BALANCE);
    const pid = await pidOf(lane);
    await lane.query('set statement_timeout = 0; set lock_timeout = 0');
    expect(await faultOf(debit(lane, one.saga, aMinute))).toBe('25P04');
    await nothingHappened(one);
    expect(await pidOf(lane)).not.toBe(pid);
    expect(await lane.query(`select current_setting('statement_timeout') as x`)).toEqual([{ x: '200ms' }]);
  });

  test('by the transaction’s time-out when its worker stands still between the call and the commit', async () => {
    const { order, saga } = await on.before(BALANCE);
    await lane.query('begin');
    await debit(lane, saga);
    expect(said(await doors(db.pool).run(BALANCE, [saga], true))).toEqual(['ok']); // waits until the other is gone
    expect(await on.balanceOf(order.userId)).toBe(700);
    expect(
      await db.pool.query(`select from balance_ledger where order_id = $1 and kind = 'DEBIT'`, [order.id]),
    ).toHaveLength(1);
  });
});
