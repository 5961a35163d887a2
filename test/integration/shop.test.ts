import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

describe('the shop that tests are furnished with', () => {
  let db: FreshDatabase;
  beforeAll(async () => {
    db = await freshDatabase();
  });
  afterAll(() => db.drop());

  test('reserves the stock of an order, and says so in the ledger', async () => {
    const order = await shop(db.pool).payable({ price: 700, qty: 3, stock: 10 });
    expect(order.total).toBe(2_100);
    const stocks = await db.pool.query('select available, reserved from stocks where product_id = $1', [
      order.productId,
    ]);
    expect(stocks).toEqual([{ available: 7, reserved: 3 }]);
    const ledger = await db.pool.query('select kind, qty from stock_ledger where product_id = $1 order by id', [
      order.productId,
    ]);
    expect(ledger).toEqual([
      { kind: 'RESTOCK', qty: 10 },
      { kind: 'RESERVE', qty: 3 },
    ]);
  });

  test('gives a lapsed reservation back', async () => {
    const { user, product, order } = shop(db.pool);
    const productId = await product({ stock: 5 });
    const { id } = await order({ userId: await user(), lines: [{ productId, qty: 2 }], lapsed: true });
    expect(await db.pool.query('select available, reserved from stocks where product_id = $1', [productId])).toEqual([
      { available: 5, reserved: 0 },
    ]);
    expect(await db.pool.query('select kind from stock_ledger where order_id = $1 order by id', [id])).toEqual([
      { kind: 'RESERVE' },
      { kind: 'RELEASE' },
    ]);
  });

  test('opens a balance with its ledger row, and issues a coupon', async () => {
    const { user, coupon } = shop(db.pool);
    const userId = await user({ balance: 42, tier: 'VIP', blocked: true });
    expect(
      await db.pool.query('select amount, balance_after, version from balance_ledger where user_id = $1', [userId]),
    ).toEqual([{ amount: 42, balance_after: 42, version: 1 }]);
    const id = await coupon({ userId, discount: 7 });
    expect(await db.pool.query('select user_id, status from user_coupons where id = $1', [id])).toEqual([
      { user_id: userId, status: 'ISSUED' },
    ]);
  });
});
