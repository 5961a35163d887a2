import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Connection, openConnection } from '../../runtime/database.ts';
import { manyOrders } from '../support/many-orders.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

const bulk = 3_000;
const tables = [
  'saga_state',
  'saga_step_execution',
  'event_store',
  'payments',
  'orders',
  'stock_ledger',
  'balance_ledger',
];

/**
 * The plan trap: a connection keeps the plan it made when the tables of the sagas were empty. If that plan reads a table
 * instead of looking keys up, each batch gets a little slower with every payment there was.
 */
describe('a connection that planned on empty tables', () => {
  let db: FreshDatabase;
  let connection: Connection;

  beforeAll(async () => {
    db = await freshDatabase();
    connection = await openConnection({ url: db.url, pinnedPlans: true });
  });

  afterAll(async () => {
    await connection.close();
    await db.drop();
  });

  /** Pays them all but for one, whose user is blocked: that one is refused at the last boundary and undone. */
  const pay = async (count: number): Promise<void> => {
    const orders = await manyOrders(db.pool, count);
    const { run, undo, pass } = doors(connection);
    const sagas = await pass(await accept(connection, orders), 3);
    const [refused] = sagas;
    if (refused === undefined) throw new Error('nothing passed');
    await db.pool.query('update users set payment_blocked = true where id = $1', [refused.userId]);
    await run(3, sagas);
    for (const boundary of [3, 2, 1, 0]) await undo(boundary, [refused]);
  };

  /** Rows that `work` reads in a transaction of its own on this connection, by table. */
  const rowsRead = async (work: () => Promise<void>): Promise<Record<string, number>> => {
    await connection.query('select pg_stat_force_next_flush()'); // what was read before does not count
    await connection.query('begin');
    await work();
    const rows = await connection.query<{ name: string; n: number }>(
      `select relname as name, (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint as n
       from pg_stat_xact_user_tables where relname = any($1)`,
      [tables],
    );
    await connection.query('commit');
    return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
  };

  test('reads no more rows when there are thousands of sagas, there or back', async () => {
    const few = await rowsRead(() => pay(4));
    await pay(50); // the sixth execution and later ones may plan anew
    await db.pool.query(
      `with s as (
         insert into saga_state (saga_type, order_id, status, current_step, failure_code)
         select 'orchestration', 1000000 + n, 'COMPENSATED', 'validateOrder', 'STOCK_INSUFFICIENT' from generate_series(1, $1::int) n returning saga_id
       )
       insert into saga_step_execution (saga_id, step_name, step_no, op, status)
       select s.saga_id, b.name, b.no, o.op, 'SUCCESS' from s,
         (values ('validateOrder', 1), ('deductBalance', 2), ('confirmStock', 3), ('createPayment', 4)) b (name, no),
         (values ('EXECUTE'), ('COMPENSATE')) o (op)`,
      [bulk],
    );
    const many = await rowsRead(() => pay(4));
    for (const table of tables) {
      expect([table, (many[table] ?? 0) < (few[table] ?? 0) + bulk / 10]).toEqual([table, true]);
    }
  });
});
