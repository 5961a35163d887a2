import { describe, expect, test } from '@jest/globals';
import type { Isolation } from '../../domain/ports.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { isolationStage } from '../support/isolation-stage.ts';
import { accept, doors } from '../support/sagas.ts';
import { shop } from '../support/services.ts';
import { faultOf } from '../support/sessions.ts';

/**
 * T1 is a monolith that reads a stock `for update` and confirms another order of 2 by an absolute value; T2 is the saga's
 * confirmStock of 3 of the same product. 10 on the shelf, 5 of them reserved for the two.
 */
const STOCK = 2;

const on = isolationStage();

async function stage(isolation: Isolation) {
  const { user, product, order } = shop(on.pool);
  const [userId, productId] = [await user(), await product({ stock: 10 })];
  const theirs = await order({ userId, lines: [{ productId, qty: 2 }] });
  const ours = await order({ userId, lines: [{ productId, qty: 3 }] });
  const [saga] = await doors(on.pool).pass(await accept(on.pool, [ours]), STOCK);
  const [t1, t2] = [await on.session(isolation), await on.session(isolation)];
  const move = (kind: string, orderId: number, qty: number) =>
    t1.query('insert into stock_ledger (product_id, order_id, kind, qty) values ($1, $2, $3, $4)', [
      ...[productId, orderId, kind, qty],
    ]);
  return {
    t1: {
      ...t1,
      async read(lock = 'for update') {
        const rows = await t1.query<{ reserved: number }>(`select reserved from stocks where product_id = $1 ${lock}`, [
          productId,
        ]);
        return rows[0]?.reserved as number;
      },
      async write(reserved: number) {
        await t1.query('update stocks set reserved = $2 where product_id = $1', [productId, reserved]);
        await move('CONFIRM', theirs.id, 2);
      },
      /** Lets the reservation of the saga's order lapse. */
      async lapse() {
        await t1.query('update stocks set reserved = reserved - 3, available = available + 3 where product_id = $1', [
          productId,
        ]);
        await move('RELEASE', ours.id, 3);
      },
    },
    t2: {
      ...t2,
      confirm: async (wait = true) => (await doors(t2).run(STOCK, [saga as Saga], wait))[0]?.outcome,
    },
    async left() {
      const [row] = await on.pool.query<{ reserved: number; ledger: number }>(
        `select s.reserved, (select sum(case kind when 'RESERVE' then qty when 'UNCONFIRM' then qty when 'RESTOCK' then 0 else -qty end)::int
           from stock_ledger l where l.product_id = s.product_id) as ledger
         from stocks s where s.product_id = $1`,
        [productId],
      );
      return row;
    },
  };
}

const both = { reserved: 0, ledger: 0 };

describe('read committed', () => {
  test('T2 waits for the row that T1 has locked, and confirms out of what T1 left', async () => {
    const { t1, t2, left } = await stage('read committed');
    await t1.begin();
    const reserved = await t1.read(); // 5, locked
    const confirmed = t2.confirm(); // waits
    await t2.blocked();
    await t1.write(reserved - 2); // 3
    await t1.commit();
    expect(await confirmed).toBe('ok'); // 3 - 3
    expect(await left()).toEqual(both);
  });

  test('T2 sees a reservation that lapsed while it waited: it is read after the lock', async () => {
    const { t1, t2, left } = await stage('read committed');
    await t1.begin();
    await t1.read();
    const confirmed = t2.confirm(); // waits
    await t2.blocked();
    await t1.lapse();
    await t1.commit();
    expect(await confirmed).toBe('refused');
    expect(await left()).toEqual({ reserved: 2, ledger: 2 });
  });

  test('T2 passes by the row that T1 has locked, writes nothing, and can come again', async () => {
    const { t1, t2, left } = await stage('read committed');
    await t1.begin();
    const reserved = await t1.read();
    expect(await t2.confirm(false)).toBe('busy');
    await t1.write(reserved - 2);
    await t1.commit();
    expect(await left()).toEqual({ reserved: 3, ledger: 3 });
    expect(await t2.confirm(false)).toBe('ok');
    expect(await left()).toEqual(both);
  });
});

describe.each(['repeatable read', 'serializable'] as const)('%s', (isolation) => {
  test.each(['write', 'lapse'] as const)(
    'T2 fails with 40001 when T1 was first (%s), has written nothing, and knows better when it is sent again',
    async (what) => {
      const { t1, t2, left } = await stage(isolation);
      await t1.begin();
      const reserved = await t1.read();
      const confirmed = faultOf(t2.confirm()); // waits, its snapshot is taken
      await t2.blocked();
      await (what === 'write' ? t1.write(reserved - 2) : t1.lapse());
      await t1.commit();
      expect(await confirmed).toBe('40001');
      expect(await t2.confirm()).toBe(what === 'write' ? 'ok' : 'refused');
      expect(await left()).toEqual(what === 'write' ? both : { reserved: 2, ledger: 2 });
    },
  );
});

describe('the hazard: a T1 that takes no row lock, reads, and writes an absolute value', () => {
  test('loses T2’s confirmation at read committed, and only the ledger tells', async () => {
    const { t1, t2, left } = await stage('read committed');
    await t1.begin();
    const reserved = await t1.read(''); // 5, not locked
    expect(await t2.confirm()).toBe('ok'); // 2, committed
    await t1.write(reserved - 2); // 3: sold goods are reserved again
    await t1.commit();
    expect(await left()).toEqual({ reserved: 3, ledger: 0 });
  });

  test('is turned away with 40001 at serializable', async () => {
    const { t1, t2, left } = await stage('serializable');
    await t1.begin();
    const reserved = await t1.read('');
    expect(await t2.confirm()).toBe('ok');
    expect(await faultOf(t1.write(reserved - 2))).toBe('40001');
    expect(await left()).toEqual({ reserved: 2, ledger: 2 });
  });
});
