import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCut } from '../../domain/cuts.ts';
import type { Tx } from '../../domain/ports.ts';
import { goForward } from '../../eventdriven/orchestration/orchestrator.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

/** Cuts that keep a coupon with the order it belongs to. */
const cuts = ['vc-b-s-p', 'vcbsp', 'vcb-sp', 'vc-bs-p', 'vc-bsp', 'vcbs-p'];

const orders = fc.array(
  fc.record({
    qty: fc.integer({ min: 1, max: 3 }),
    coupon: fc.option(fc.constantFrom(40, 900), { freq: 2 }),
    spoilt: fc.option(fc.constantFrom('lapsed' as const, 'unsound' as const, 'used coupon' as const), { freq: 2 }),
  }),
  { minLength: 1, maxLength: 3 },
);
const worlds = fc.record({
  balance: fc.constantFrom(0, 150, 320, 5_000),
  blocked: fc.boolean(),
  orders,
});
type World = typeof worlds extends fc.Arbitrary<infer W> ? W : never;

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());

/** Pays the orders of a new copy of the world, one after the other. What is left, without ids and times. */
async function outcomeOf(world: World, notation: string): Promise<unknown> {
  const { user, product, coupon, order } = shop(db.pool);
  const userId = await user({ balance: world.balance, blocked: world.blocked });
  const productId = await product({ price: 100, stock: 20 });
  const { lanes } = doors(db.pool, { cut: parseCut(notation) });
  const ends: string[] = [];
  for (const { qty, coupon: discount, spoilt } of world.orders) {
    const used = spoilt === 'used coupon';
    const couponId = discount === null && !used ? null : await coupon({ userId, discount: discount ?? 40, used });
    const placed = await order({
      userId,
      lines: [{ productId, qty }],
      lapsed: spoilt === 'lapsed',
      ...(spoilt === 'unsound' && { total: 99 }),
    });
    const [saga] = await accept(db.pool, [{ ...placed, couponId }]);
    const end = saga && (await goForward(lanes, saga, 0));
    ends.push(end?.kind === 'refused' ? end.code : `${end?.kind} ${end?.amount}`);
  }
  return { ends, rows: await leftOver(db.pool, userId, productId) };
}

const leftOver = async (tx: Tx, userId: number, productId: number): Promise<object[]> => {
  const texts = [
    'select amount, version from balances where user_id = $1',
    `select o.status, o.refusal_code, o.discount_amount, o.final_amount, p.amount, u.status as coupon, s.status as saga,
       (select count(*) from external_event_log e where e.order_id = o.id) as deliveries,
       array(select kind || amount || ' ' || balance_after from balance_ledger l where l.order_id = o.id order by id) as money,
       array(select kind || qty from stock_ledger l where l.order_id = o.id order by id) as goods
     from orders o left join payments p on p.order_id = o.id left join user_coupons u on u.id = o.user_coupon_id
     join saga_state s on s.order_id = o.id where o.user_id = $1 order by o.id`,
  ];
  const stock = await tx.query<object>('select available, reserved from stocks where product_id = $1', [productId]);
  return [...stock, ...(await Promise.all(texts.map((text) => tx.query<object>(text, [userId])))).flat()];
};

test('however the five steps are cut, the same rows are left', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const [seed, ...others] = await Promise.all(cuts.map((notation) => outcomeOf(world, notation)));
      for (const [i, other] of others.entries()) expect([cuts[i + 1], other]).toEqual([cuts[i + 1], seed]);
    }),
    { numRuns: 15 },
  );
});
