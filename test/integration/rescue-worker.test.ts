import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startWorker } from '../../eventdriven/index.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { accept, doors, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { styles } from '../support/workers.ts';

/**
 * What a worker that died with its Redis has left behind, and nobody rings for: a new worker finds it in Postgres alone.
 */
describe.each(styles)('a new worker of the $style', ({ style, roles }) => {
  let db: FreshDatabase;
  beforeAll(async () => {
    db = await freshDatabase();
  });
  afterAll(() => db.drop());

  /** Sagas of a dead worker in every state it can leave them in, by the status their order must end with. */
  async function leftBehind() {
    const { user, product, order, payable } = shop(db.pool);
    const dead = doors(db.pool, { engine: style, worker: style === 'orchestration' ? 'dead' : null });
    const open = async (at: number) =>
      (await dead.pass(await accept(db.pool, [await payable()], style), at))[0] as Saga;
    const productId = await product();
    const unsound = await order({ userId: await user(), lines: [{ productId, qty: 1 }], total: 1 });
    const [refused] = (await accept(db.pool, [unsound], style)) as [Saga];
    await dead.run(0, [refused]);
    const turned = await open(3);
    await turnBack(db.pool, turned.sagaId, 'PAYMENT_FAILED');
    const halfUndone = await open(2);
    await turnBack(db.pool, halfUndone.sagaId, 'STOCK_INSUFFICIENT');
    await dead.undo(3, [halfUndone]);
    await dead.undo(2, [halfUndone]);
    const poisoned = await open(0);
    await db.pool.query('update order_items set qty = 2, unit_price = 9e18::bigint where order_id = $1', [
      poisoned.orderId,
    ]);
    const ends: [Saga, string][] = [
      [await open(0), 'PAID'],
      [await open(1), 'PAID'],
      [await open(3), 'PAID'],
      [refused, 'VALIDATION_FAILED'],
      [turned, 'PAYMENT_FAILED'],
      [halfUndone, 'STOCK_INSUFFICIENT'],
      [poisoned, 'PENDING'],
    ];
    await db.pool.query(`update saga_state set updated_at = now() - interval '1 minute'`);
    return { ends, poisoned };
  }

  /** The statuses, as soon as nothing is open but what waits for another try. */
  async function settled(sagas: readonly Saga[]): Promise<string[]> {
    for (;;) {
      const rows = await db.pool.query<{ status: string; open: boolean }>(
        `select o.status, s.status in ('RUNNING', 'COMPENSATING') and s.attempts = 0 as open
         from orders o join saga_state s on s.order_id = o.id where o.id = any($1) order by array_position($1::bigint[], o.id)`,
        [sagas.map(({ orderId }) => orderId)],
      );
      if (rows.every(({ open }) => !open)) return rows.map(({ status }) => status);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  test('brings all of it to its end, and what is poisoned is put aside, tried again, and ends once it is healed', async () => {
    const { ends, poisoned } = await leftBehind();
    const ports = portsOn(db.url, freshRedis());
    const worker = await startWorker({ ...ports, roles });
    expect(await settled(ends.map(([saga]) => saga))).toEqual(ends.map(([, status]) => status));
    const [row] = await db.pool.query<{ attempts: number }>(
      'select attempts, last_error, owner from saga_state where saga_id = $1',
      [poisoned.sagaId],
    );
    expect(row).toMatchObject({ last_error: 'bigint out of range' });
    expect(row?.attempts).toBeGreaterThan(0);

    await db.pool.query('update order_items set qty = 1, unit_price = 1000 where order_id = $1', [poisoned.orderId]);
    for (;;) {
      const [order] = await db.pool.query<{ status: string }>('select status from orders where id = $1', [
        poisoned.orderId,
      ]);
      if (order?.status === 'PAID') break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await worker.stop();
    const left = await db.pool.query(
      `select application_name from pg_stat_activity where datname = current_database() and application_name <> 'test'`,
    );
    expect(left).toEqual([]);
  });
});
