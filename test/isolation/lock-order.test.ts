import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { verify } from '../../consistency/verifier.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';
import { faultOf, openSession, type Session } from '../support/sessions.ts';
import { startEngines } from './engines-at-once.ts';
import { switchOff } from './switched-off.ts';

/** Every engine locks saga, order, coupon, balance, then stocks by id: who comes second waits with nothing in hand that the first needs. */
const STOCK = 2;
let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.drop());

describe('a monolith that has locked the first of two products and wants the second, beside a saga that confirms both', () => {
  const sessions: Session[] = [];
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.close()));
  });

  /** The SQLSTATE that the two end with. */
  async function meet() {
    const { user, product, order } = shop(db.pool);
    const [first, second] = [await product(), await product()];
    const lines = [first, second].map((productId) => ({ productId, qty: 1 }));
    const placed = await order({ userId: await user(), lines });
    const [saga] = (await doors(db.pool).pass(await accept(db.pool, [placed]), STOCK)) as [Saga];
    const [t1, t2] = [
      await openSession(db.url, db.pool, 'read committed'),
      await openSession(db.url, db.pool, 'read committed'),
    ];
    sessions.push(t1, t2);
    const lock = (product: number) => t1.query('select from stocks where product_id = $1 for update', [product]);
    await t1.begin();
    await lock(first);
    const confirmed = faultOf(doors(t2).run(STOCK, [saga], true)); // waits
    await t2.blocked();
    const locked = await faultOf(lock(second));
    await (locked === undefined ? t1.commit() : t1.query('rollback'));
    return [locked, await confirmed];
  }

  test('both get through', async () => {
    expect(await meet()).toEqual([undefined, undefined]);
  });

  test('one of the two fails with a deadlock when the saga locks in another order', async () => {
    await switchOff(db.pool, [
      {
        file: 'domain/product/confirm-stock.sql',
        from: 'where s.product_id = any(wanted) order by s.product_id for update);',
        to: 'where s.product_id = any(wanted) order by s.product_id desc for update);',
      },
    ]);
    expect(await meet()).toContain('40P01');
  });
});

const engines = ['legacy', 'legacy-lean', 'orchestration', 'choreography'] as const;
const [users, products] = [3, 4];
const payment = fc.record({
  engine: fc.constantFrom(...engines),
  user: fc.nat(users - 1),
  lines: fc.uniqueArray(fc.nat(products - 1), { minLength: 1, maxLength: products }),
  coupon: fc.boolean(),
  kind: fc.constantFrom('paid', 'paid', 'paid', 'lapsed', 'blocked'),
});

test('all engines at once on few users and few products: no deadlock, every payment final, the books in order', async () => {
  const { user, product, coupon, order } = shop(db.pool);
  const payers: number[] = [];
  while (payers.length < users) payers.push(await user({ balance: 40_000 }));
  const blocked = await user({ blocked: true });
  const goods: number[] = [];
  while (goods.length < products) goods.push(await product({ stock: 100_000 }));
  const atOnce = await startEngines(db.url, engines);
  await fc.assert(
    fc.asyncProperty(fc.array(payment, { minLength: 20, maxLength: 40 }), async (payments) => {
      const placed = [];
      for (const { engine, user: nth, lines, coupon: with_, kind } of payments) {
        const userId = kind === 'blocked' ? blocked : (payers[nth] as number);
        const couponId = with_ ? await coupon({ userId }) : null;
        const wanted = lines.map((at) => ({ productId: goods[at] as number, qty: 1 }));
        placed.push({ engine, ...(await order({ userId, lines: wanted, lapsed: kind === 'lapsed' })), couponId });
      }
      const ends = await Promise.all(placed.map(({ engine, ...one }) => atOnce.pay(engine, one)));
      expect(ends.filter(({ kind }) => kind !== 'paid' && kind !== 'refused')).toEqual([]);
    }),
    { numRuns: 8 },
  );
  expect(await atOnce.retries()).toEqual({});
  await atOnce.stop();
  const [{ deadlocks } = { deadlocks: -1 }] = await db.pool.query<{ deadlocks: number }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  expect(deadlocks).toBe(0);
  const { perInvariant, unexamined } = await verify(db.url, { mode: 'live', expectEngines: engines });
  expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
  expect(unexamined).toEqual([]);
}, 60_000);
