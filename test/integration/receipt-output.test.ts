import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { paymentDefinitions } from '../../domain/saga-definitions.ts';
import { goForward } from '../../eventdriven/orchestration/orchestrator.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());

const outputsOf = async ({ sagaId }: Saga): Promise<(object | null)[]> =>
  (
    await db.pool.query<{ output_data: object | null }>(
      `select output_data from saga_step_execution where saga_id = $1 and op = 'EXECUTE' order by step_no`,
      [sagaId],
    )
  ).map((row) => row.output_data);

async function withCoupon(discount: number, couponUsed = false): Promise<Saga> {
  const { user, product, coupon, order } = shop(db.pool);
  const userId = await user();
  const couponId = await coupon({ userId, discount, used: couponUsed });
  const placed = await order({ userId, lines: [{ productId: await product({ price: 300 }), qty: 1 }] });
  return (await accept(db.pool, [{ ...placed, couponId }]))[0] as Saga;
}

test.each(paymentDefinitions)('receipts of $notation keep what is due and the payment’s number', async ({ cut }) => {
  const saga = await withCoupon(40);
  const { lanes, run } = doors(db.pool, { cut });
  const end = await goForward(lanes, saga, 0);
  expect(end).toMatchObject({ kind: 'paid', amount: 260 });
  const paymentId = end?.kind === 'paid' ? end.paymentId : 0;
  const outputs = await outputsOf(saga);
  expect(Object.assign({}, ...outputs)).toEqual({ due: 260, discount: 40, paymentId });
  expect(outputs.slice(1, -1).every((output) => output === null)).toBe(true);
  expect(await db.pool.query('select amount from payments where id = $1', [paymentId])).toEqual([{ amount: 260 }]);
  expect(await run(cut.length - 1, [saga])).toMatchObject([{ outcome: 'already-done', paymentId }]);
});

test('a discount is never more than what is due', async () => {
  const saga = await withCoupon(900);
  await doors(db.pool).run(0, [saga]);
  expect(await outputsOf(saga)).toEqual([{ due: 0, discount: 300 }]);
});

test('two payments that want one coupon in one batch: the receipt of the second says why not, and no more', async () => {
  const first = await withCoupon(40);
  const second = await shop(db.pool).order({
    userId: first.userId,
    lines: [{ productId: await shop(db.pool).product({ price: 300 }), qty: 1 }],
  });
  const [late] = (await accept(db.pool, [{ ...second, couponId: first.couponId }])) as [Saga];
  const outcomes = await doors(db.pool).run(0, [first, late]);
  expect(outcomes).toMatchObject([{ outcome: 'ok' }, { outcome: 'refused', code: 'COUPON_UNUSABLE' }]);
  expect([...(await outputsOf(first)), ...(await outputsOf(late))]).toEqual([{ due: 260, discount: 40 }, null]);
});

test('a boundary asked for again answers from its receipt, not from what the tables have become', async () => {
  const saga = await withCoupon(40);
  const { run, lanes } = doors(db.pool);
  const end = await goForward(lanes, saga, 0);
  await db.pool.query('update coupons set discount = 1 where id = (select coupon_id from user_coupons where id = $1)', [
    saga.couponId,
  ]);
  await db.pool.query('delete from payments where order_id = $1', [saga.orderId]);
  expect(await run(0, [saga])).toMatchObject([{ outcome: 'already-done', facts: { due: 260, discount: 40 } }]);
  expect(await run(3, [saga])).toMatchObject([
    { outcome: 'already-done', paymentId: end?.kind === 'paid' ? end.paymentId : 0 },
  ]);
});
