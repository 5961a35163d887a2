import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import type { Config } from '../../runtime/config.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';
import { openSession } from '../support/sessions.ts';
import { startEngines } from './engines-at-once.ts';
import { switchOff, waitsForALock } from './switched-off.ts';

/** A monolith holds the stock of a hot product. Payments of other products must not notice, under either preset. */
let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.drop());

async function stage(isolation: Config['isolation'], style: 'orchestration' | 'choreography') {
  const { user, product, order } = shop(db.pool);
  const userId = await user({ balance: 1_000_000 });
  const [hot, cold] = [await product(), await product()];
  const ordersOf = async (productId: number, count: number) => {
    const placed = [];
    for (let i = 0; i < count; i++) placed.push(await order({ userId, lines: [{ productId, qty: 1 }] }));
    return placed;
  };
  const orders = { hot: await ordersOf(hot, 5), cold: await ordersOf(cold, 30) };
  const engines = await startEngines(db.url, [style], { isolation });
  const payAll = (which: keyof typeof orders) => orders[which].map((one) => engines.pay(style, one));
  const holder = await openSession(db.url, db.pool, 'read committed');
  await holder.begin();
  await holder.query('select from stocks where product_id = $1 for update', [hot]);
  return { engines, payAll, holder };
}
const kinds = async (answers: readonly Promise<{ readonly kind: string }>[]) => [
  ...new Set((await Promise.all(answers)).map(({ kind }) => kind)),
];

describe.each(['orchestration', 'choreography'] as const)('in the %s', (style) => {
  test.each(['minimal', 'seed'] as const)(
    'under %s, payments pass by a row that is held, and those that need it wait apart',
    async (isolation) => {
      const { engines, payAll, holder } = await stage(isolation, style);
      let answered = 0;
      const waiting = payAll('hot').map((end) => end.finally(() => answered++));
      await waitsForALock(db.pool, `sagashift ${style} confirmStock contended`);
      expect(await kinds(payAll('cold'))).toEqual(['paid']); // all of it while the row is held
      expect(answered).toBe(0);
      await holder.commit();
      expect(await kinds(waiting)).toEqual(['paid']);
      await Promise.all([engines.stop(), holder.close()]);
      expect((await verify(db.url, { mode: 'live' })).violations).toBe(0);
    },
    40_000,
  );
});

test('without skip locked the row stops the forward lane, and with it every payment behind', async () => {
  await switchOff(db.pool, [
    {
      file: 'domain/product/confirm-stock.sql',
      from: 'order by s.product_id for update skip locked);',
      to: 'order by s.product_id for update);',
    },
  ]);
  const { engines, payAll, holder } = await stage('minimal', 'orchestration');
  const waiting = payAll('hot');
  await waitsForALock(db.pool, 'sagashift orchestration confirmStock forward');
  await holder.commit();
  expect(await kinds(waiting)).toEqual(['paid']);
  await Promise.all([engines.stop(), holder.close()]);
});
