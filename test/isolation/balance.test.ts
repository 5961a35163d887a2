import { describe, expect, test } from '@jest/globals';
import type { Isolation } from '../../domain/ports.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { isolationStage } from '../support/isolation-stage.ts';
import { accept, doors } from '../support/sagas.ts';
import { shop } from '../support/services.ts';
import { faultOf } from '../support/sessions.ts';

/**
 * T1 is a monolith that reads a balance `for update`, thinks, and writes what it computed. T2 is the saga's deductBalance on the
 * same balance. 1000 won to begin with; T1 takes 100, T2 takes 300. In the manner of Hermitage: each line says what it sees.
 */
const BALANCE = 1;
const opening = 1_000;

const on = isolationStage();

async function stage(isolation: Isolation) {
  const order = await shop(on.pool).payable({ balance: opening, price: 300 });
  const [saga] = await doors(on.pool).pass(await accept(on.pool, [order]), BALANCE);
  const [t1, t2] = [await on.session(isolation), await on.session(isolation)];
  const { userId } = order;
  return {
    t1: {
      ...t1,
      async read(lock = 'for update') {
        const rows = await t1.query<{ amount: number }>(`select amount from balances where user_id = $1 ${lock}`, [
          userId,
        ]);
        return rows[0]?.amount as number;
      },
      /** The absolute value it computed, with its ledger line: how such monoliths write. */
      write: (amount: number) =>
        t1.query(
          `with written as (update balances set amount = $2, version = version + 1 where user_id = $1 returning version)
           insert into balance_ledger (user_id, kind, amount, balance_after, version) select $1, 'DEBIT', -100, $2, version from written`,
          [userId, amount],
        ),
    },
    t2: {
      ...t2,
      deduct: async (wait = true) => (await doors(t2).run(BALANCE, [saga as Saga], wait))[0]?.outcome,
    },
    async left() {
      const [row] = await on.pool.query<{ amount: number; ledger: number }>(
        `select b.amount, (select sum(l.amount)::int from balance_ledger l where l.user_id = b.user_id) as ledger
         from balances b where b.user_id = $1`,
        [userId],
      );
      return row;
    },
  };
}

const both = { amount: 600, ledger: 600 };

describe('read committed', () => {
  test('T2 waits for the row that T1 has locked, and deducts from what T1 left', async () => {
    const { t1, t2, left } = await stage('read committed');
    await t1.begin();
    const amount = await t1.read(); // 1000, locked
    const deducted = t2.deduct(); // waits
    await t2.blocked();
    await t1.write(amount - 100); // 900
    await t1.commit();
    expect(await deducted).toBe('ok'); // 900 - 300
    expect(await left()).toEqual(both);
  });

  test('T1 waits for the row that T2 has locked, and reads what T2 left', async () => {
    const { t1, t2, left } = await stage('read committed');
    await t2.begin();
    expect(await t2.deduct()).toBe('ok'); // 700, not committed
    await t1.begin();
    const read = t1.read(); // waits
    await t1.blocked();
    await t2.commit();
    expect(await read).toBe(700);
    await t1.write((await read) - 100);
    await t1.commit();
    expect(await left()).toEqual(both);
  });

  test('T2 passes by the row that T1 has locked, writes nothing, and can come again', async () => {
    const { t1, t2, left } = await stage('read committed');
    await t1.begin();
    const amount = await t1.read();
    expect(await t2.deduct(false)).toBe('busy');
    await t1.write(amount - 100);
    await t1.commit();
    expect(await left()).toEqual({ amount: 900, ledger: 900 });
    expect(await t2.deduct(false)).toBe('ok');
    expect(await left()).toEqual(both);
  });
});

describe.each(['repeatable read', 'serializable'] as const)('%s', (isolation) => {
  test('T2 fails with 40001 when T1 was first, has written nothing, and succeeds when it is sent again', async () => {
    const { t1, t2, left } = await stage(isolation);
    await t1.begin();
    const amount = await t1.read();
    const deducted = faultOf(t2.deduct()); // waits, its snapshot is taken
    await t2.blocked();
    await t1.write(amount - 100);
    await t1.commit();
    expect(await deducted).toBe('40001');
    expect(await left()).toEqual({ amount: 900, ledger: 900 });
    expect(await t2.deduct()).toBe('ok');
    expect(await left()).toEqual(both);
  });

  test('T1 fails with 40001 when T2 was first', async () => {
    const { t1, t2, left } = await stage(isolation);
    await t2.begin();
    expect(await t2.deduct()).toBe('ok');
    await t1.begin();
    const read = faultOf(t1.read()); // waits
    await t1.blocked();
    await t2.commit();
    expect(await read).toBe('40001');
    expect(await left()).toEqual({ amount: 700, ledger: 700 });
  });
});

describe('the hazard: a T1 that takes no row lock, reads, and writes an absolute value', () => {
  test('loses T2’s update at read committed, whatever locks it holds elsewhere, and only the ledger tells', async () => {
    const { t1, t2, left } = await stage('read committed');
    await t1.begin();
    const amount = await t1.read(''); // 1000, not locked
    expect(await t2.deduct()).toBe('ok'); // 700, committed
    await t1.write(amount - 100); // 900: the 300 are back
    await t1.commit();
    expect(await left()).toEqual({ amount: 900, ledger: 600 });
  });

  test('is turned away with 40001 at repeatable read', async () => {
    const { t1, t2, left } = await stage('repeatable read');
    await t1.begin();
    const amount = await t1.read('');
    expect(await t2.deduct()).toBe('ok');
    expect(await faultOf(t1.write(amount - 100))).toBe('40001');
    expect(await left()).toEqual({ amount: 700, ledger: 700 });
  });
});
