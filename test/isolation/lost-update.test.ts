import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { createLegacyEngine } from '../../legacy/index.ts';
import { addTopUp } from '../../router/top-up-sql.ts';
import { brokenRules } from '../contract/books.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { accept, doors, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { openSession, type Session } from '../support/sessions.ts';
import { type Edit, switchOff, waitsForALock } from './switched-off.ts';

/**
 * Lost update: one party writes what it computed from a value that another has changed meanwhile. Countermeasures: the row is
 * locked before it is read, and it is changed by a difference. T1 always has the row first; T2 wants it too.
 */
const [BALANCE, STOCK] = [1, 2];

let db: FreshDatabase;
let t1: Session;
let t2: Session;
beforeEach(async () => {
  db = await freshDatabase();
  t1 = await openSession(db.url, db.pool, 'read committed');
  t2 = await openSession(db.url, db.pool, 'read committed');
});
afterEach(async () => {
  await Promise.all([t1.close(), t2.close()]);
  await db.drop();
});

const balanceOf = async (userId: number) =>
  (
    await db.pool.query<{ amount: number; ledger: number }>(
      `select b.amount, (select sum(l.amount)::int from balance_ledger l where l.user_id = b.user_id) as ledger
       from balances b where b.user_id = $1`,
      [userId],
    )
  )[0];

const brokenInvariants = async () =>
  (await verify(db.url, { mode: 'live' })).perInvariant.flatMap(({ code, violations }) =>
    violations > 0 ? [code] : [],
  );

const debitLock: Edit = {
  file: 'domain/balance/deduct-balance.sql',
  from: 'order by b.user_id for update);',
  to: 'order by b.user_id);',
};
const debitByDifference: readonly Edit[] = [
  {
    file: 'domain/balance/deduct-balance.sql',
    from: 'update balances b set amount = b.amount - f.spent',
    to: 'update balances b set amount = f.amount - f.spent',
  },
  {
    file: 'domain/balance/deduct-balance.sql',
    from: 'from (select user_id, max(spent)::bigint as spent, count(*) as times from fit group by user_id) f',
    to: 'from (select user_id, max(amount) as amount, max(spent)::bigint as spent, count(*) as times from fit group by user_id) f',
  },
];
const forked = 'versions of a balance are 1, 2, 3 ... and say what it was after each';

describe('a debit of a saga beside a debit of 100 by another', () => {
  async function debitBoth() {
    const order = await shop(db.pool).payable({ balance: 1_000, price: 300 });
    const [saga] = (await doors(db.pool).pass(await accept(db.pool, [order]), BALANCE)) as [Saga];
    await t1.begin();
    await t1.query(
      `with one as (update balances set amount = amount - 100, version = version + 1 where user_id = $1 returning *)
       insert into balance_ledger (user_id, kind, amount, balance_after, version) select user_id, 'DEBIT', -100, amount, version from one`,
      [order.userId],
    );
    const debited = doors(t2).run(BALANCE, [saga], true); // waits
    await t2.blocked();
    await t1.commit();
    expect((await debited)[0]?.outcome).toBe('ok');
    return { left: await balanceOf(order.userId), broken: Object.keys(await brokenRules(db.pool)) };
  }

  test('both happen, and the ledger is one line of versions', async () => {
    const { left, broken } = await debitBoth();
    expect(left).toEqual({ amount: 600, ledger: 600 });
    expect(broken).not.toContain(forked);
  });

  test('without the row lock the difference still keeps the money right, and the ledger forks', async () => {
    await switchOff(db.pool, [debitLock]);
    const { left, broken } = await debitBoth();
    expect(left).toEqual({ amount: 600, ledger: 600 });
    expect(broken).toContain(forked);
  });

  test('with neither of the two the other’s debit is lost', async () => {
    await switchOff(db.pool, [debitLock, ...debitByDifference]);
    const { left } = await debitBoth();
    expect(left).toEqual({ amount: 700, ledger: 600 });
  });
});

describe('a refund of a saga beside a top-up of 500', () => {
  async function refundAndTopUp() {
    const order = await shop(db.pool).payable({ balance: 1_000, price: 300 });
    const [saga] = (await doors(db.pool).pass(await accept(db.pool, [order]), STOCK)) as [Saga];
    await turnBack(db.pool, saga.sagaId);
    await t1.begin();
    await addTopUp(t1, 'one', order.userId, 500);
    const refunded = doors(t2).undo(BALANCE, [saga]); // waits
    await t2.blocked();
    await t1.commit();
    expect((await refunded)[0]?.outcome).toBe('ok');
    return balanceOf(order.userId);
  }

  test('both happen', async () => {
    expect(await refundAndTopUp()).toEqual({ amount: 1_500, ledger: 1_500 });
  });

  test('without the row lock the top-up is lost', async () => {
    await switchOff(db.pool, [
      {
        file: 'domain/balance/deduct-balance.sql',
        from: 'where order_id = any(acted))) order by b.user_id for update;',
        to: 'where order_id = any(acted)));',
      },
    ]);
    expect(await refundAndTopUp()).toEqual({ amount: 1_000, ledger: 1_500 });
  });
});

describe('a saga that confirms stock whose reservation lapses at that moment', () => {
  async function confirmWhileItLapses() {
    const { user, product, order } = shop(db.pool);
    const [userId, productId] = [await user(), await product({ stock: 10 })];
    await order({ userId, lines: [{ productId, qty: 4 }] }); // of somebody else: the stock never runs below zero
    const ours = await order({ userId, lines: [{ productId, qty: 3 }] });
    const [saga] = (await doors(db.pool).pass(await accept(db.pool, [ours]), STOCK)) as [Saga];
    await t1.begin();
    await t1.query('update stocks set reserved = reserved - 3, available = available + 3 where product_id = $1', [
      productId,
    ]);
    await t1.query(`insert into stock_ledger (product_id, order_id, kind, qty) values ($1, $2, 'RELEASE', 3)`, [
      productId,
      ours.id,
    ]);
    const confirmed = doors(t2).run(STOCK, [saga], true); // waits
    await t2.blocked();
    await t1.commit();
    const outcome = (await confirmed)[0]?.outcome;
    return { outcome, broken: await brokenInvariants() };
  }

  test('is refused: the reservation is read under the lock', async () => {
    expect(await confirmWhileItLapses()).toEqual({ outcome: 'refused', broken: [] });
  });

  test('without the row lock sells what was given back', async () => {
    await switchOff(db.pool, [
      {
        file: 'domain/product/confirm-stock.sql',
        from: 'where s.product_id = any(wanted) order by s.product_id for update);',
        to: 'where s.product_id = any(wanted) order by s.product_id);',
      },
    ]);
    expect(await confirmWhileItLapses()).toEqual({ outcome: 'ok', broken: ['S6'] });
  });
});

/** The monolith's Redis locks are no countermeasure: the saga does not ask for them. */
describe.each([
  { what: 'balance', boundary: BALANCE, rules: ['B1', 'B3'] },
  { what: 'stock', boundary: STOCK, rules: ['S3'] },
])('the monolith beside a saga that has changed the same $what and has not committed', ({ boundary, rules }) => {
  async function payBoth(sabotage?: 'row-locks-off') {
    const { user, product, order } = shop(db.pool);
    const [userId, productId] = [await user({ balance: 1_000 }), await product({ price: 100, stock: 10 })];
    const [theirs, ours] = [
      await order({ userId, lines: [{ productId, qty: 1 }] }),
      await order({ userId, lines: [{ productId, qty: 2 }] }),
    ];
    const [saga] = (await doors(db.pool).pass(await accept(db.pool, [ours]), boundary)) as [Saga];
    const legacy = createLegacyEngine(portsOn(db.url, freshRedis(), { sabotage }));
    await legacy.start();
    await t1.begin();
    await doors(t1).run(boundary, [saga]);
    const route = { side: 'legacy', reason: 'pinned', bucket: userId % 100, version: 1 } as const;
    const command = { orderId: theirs.id, userId, couponId: null, route };
    const { settled } = await legacy.submit(command, new AbortController().signal);
    await waitsForALock(db.pool, 'sagashift legacy');
    await t1.commit();
    expect((await settled).kind).toBe('paid');
    await legacy.stop();
    return brokenInvariants();
  }

  test('waits, and reads what the saga left', async () => {
    expect(await payBoth()).toEqual([]);
  });

  test('overwrites it when it takes no row locks, and the verifier says so', async () => {
    expect(await payBoth('row-locks-off')).toEqual(expect.arrayContaining(rules));
  });
});
