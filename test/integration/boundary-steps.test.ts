import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { goBack } from '../../eventdriven/orchestration/orchestrator.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import {
  BALANCE,
  type BoundaryStage,
  boundaryStage,
  codeOf,
  ORDER,
  PAYMENT,
  said,
  STOCK,
} from '../support/boundary-stage.ts';
import { accept, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

let db: FreshDatabase;
let on: BoundaryStage;
beforeAll(async () => {
  db = await freshDatabase();
  on = boundaryStage(db.pool);
});
afterAll(() => db.drop());

describe('the order boundary', () => {
  test('makes the order PAYING with its amounts, and says so', async () => {
    const { order, saga } = await on.before(BALANCE);
    expect(await on.orderOf(order.id)).toEqual({
      status: 'PAYING',
      refusal_code: null,
      final_amount: 300,
      discount_amount: 0,
    });
    expect(await on.receiptsOf(saga)).toEqual(['validateOrder EXECUTE SUCCESS']);
  });

  test('refuses totals that do not add up and used coupons, and passes the rest of the batch', async () => {
    const userId = await on.make.user();
    const productId = await on.make.product({ price: 100 });
    const [good, coupon, used] = [
      await on.make.coupon({ userId, discount: 30 }),
      await on.make.coupon({ userId, discount: 500 }),
      await on.make.coupon({ userId, used: true }),
    ];
    const lines = [{ productId, qty: 1 }];
    const orders = [
      { ...(await on.make.order({ userId, lines })), couponId: good },
      { ...(await on.make.order({ userId, lines, total: 99 })), couponId: null },
      { ...(await on.make.order({ userId, lines })), couponId: used },
      { ...(await on.make.order({ userId, lines: [] })), couponId: null },
      { ...(await on.make.order({ userId, lines })), couponId: coupon },
      { ...(await on.make.order({ userId, lines })), couponId: good },
    ];
    const outcomes = await on.door.run(ORDER, await accept(db.pool, orders));
    expect(outcomes.map(codeOf)).toEqual([
      ...['ok', 'VALIDATION_FAILED', 'COUPON_UNUSABLE', 'VALIDATION_FAILED', 'ok', 'COUPON_UNUSABLE'],
    ]);
    expect(outcomes[0]).toMatchObject({ facts: { due: 70, discount: 30 } });
    expect(outcomes[4]).toMatchObject({ facts: { due: 0, discount: 100 } });
  });

  test('refuses an order that somebody else has begun to pay', async () => {
    const { order, saga } = await on.before(ORDER);
    await db.pool.query(`update orders set status = 'PAID' where id = $1`, [order.id]);
    expect((await on.door.run(ORDER, [saga])).map(codeOf)).toEqual(['ORDER_NOT_PAYABLE']);
    expect(await goBack(on.door.lanes, saga, null)).toMatchObject({ kind: 'refused', code: 'ORDER_NOT_PAYABLE' });
    expect(await on.orderOf(order.id)).toMatchObject({ status: 'PAID', refusal_code: null });
  });
});

describe('the balance boundary', () => {
  /** Orders of one user over these prices, validated. */
  async function validated(balance: number, prices: readonly number[]) {
    const userId = await on.make.user({ balance });
    const orders = [];
    for (const price of prices) {
      const productId = await on.make.product({ price });
      orders.push(await on.make.order({ userId, lines: [{ productId, qty: 1 }] }));
    }
    return { userId, sagas: await on.door.pass(await accept(db.pool, orders), BALANCE) };
  }

  test('lets a smaller payment pass behind one that does not fit', async () => {
    const { userId, sagas } = await validated(100, [50, 80, 40]);
    const outcomes = await on.door.run(BALANCE, sagas);
    expect(outcomes.map(codeOf)).toEqual(['ok', 'BALANCE_INSUFFICIENT', 'ok']);
    expect(await on.balanceOf(userId)).toBe(10);
    const ledger = await db.pool.query(
      'select kind, amount, balance_after, version from balance_ledger where user_id = $1 order by id',
      [userId],
    );
    expect(ledger).toEqual([
      { kind: 'OPENING', amount: 100, balance_after: 100, version: 1 },
      { kind: 'DEBIT', amount: -50, balance_after: 50, version: 2 },
      { kind: 'DEBIT', amount: -40, balance_after: 10, version: 3 },
    ]);
  });

  test('lets the later ones pass when the first alone is too much, and spends to the last won', async () => {
    const { userId, sagas } = await validated(100, [101, 60, 40, 1]);
    const outcomes = await on.door.run(BALANCE, sagas);
    expect(outcomes.map(codeOf)).toEqual(['BALANCE_INSUFFICIENT', 'ok', 'ok', 'BALANCE_INSUFFICIENT']);
    expect(await on.balanceOf(userId)).toBe(0);
  });

  test('gives the money back once, however often it is undone', async () => {
    const { userId, sagas } = await validated(100, [60, 40]);
    await on.door.run(BALANCE, sagas);
    for (const { sagaId } of sagas) await turnBack(db.pool, sagaId);
    const [first] = sagas as [Saga, Saga];
    expect(said(await on.door.undo(BALANCE, [...sagas, first]))).toEqual(['ok', 'ok', 'ok']);
    expect(said(await on.door.undo(BALANCE, sagas))).toEqual(['already-done', 'already-done']);
    expect(await on.balanceOf(userId)).toBe(100);
    expect(await on.receiptsOf(first)).toContain('deductBalance COMPENSATE COMPENSATED');
    const refunds = await db.pool.query(
      `select amount, balance_after, version from balance_ledger where user_id = $1 and kind = 'REFUND' order by id`,
      [userId],
    );
    expect(refunds).toEqual([
      { amount: 60, balance_after: 60, version: 4 },
      { amount: 40, balance_after: 100, version: 5 },
    ]);
  });

  test('refuses a user who has no balance at all', async () => {
    const { order, saga } = await on.before(BALANCE);
    await db.pool.query('delete from balances where user_id = $1', [order.userId]);
    expect((await on.door.run(BALANCE, [saga])).map(codeOf)).toEqual(['BALANCE_INSUFFICIENT']);
  });
});

describe('the stock boundary', () => {
  test('takes what is reserved, and refuses an order whose reservation lapsed, its neighbour on the same shelf not', async () => {
    const [userId, productId] = [await on.make.user(), await on.make.product({ stock: 5 })];
    const live = await on.make.order({ userId, lines: [{ productId, qty: 2 }] });
    const lapsed = await on.make.order({ userId, lines: [{ productId, qty: 2 }], lapsed: true });
    const sagas = await on.door.pass(await accept(db.pool, [lapsed, live]), STOCK);
    expect((await on.door.run(STOCK, sagas)).map(codeOf)).toEqual(['STOCK_INSUFFICIENT', 'ok']);
    expect(await on.stockOf(productId)).toEqual({ available: 3, reserved: 0 });
  });

  test('confirms all lines of an order or none', async () => {
    const [userId, kept, gone] = [
      await on.make.user(),
      await on.make.product({ stock: 5 }),
      await on.make.product({ stock: 5 }),
    ];
    const order = await on.make.order({
      userId,
      lines: [
        { productId: kept, qty: 1 },
        { productId: gone, qty: 1 },
      ],
    });
    await db.pool.query(
      `with lapse as (update stocks set available = available + 1, reserved = reserved - 1 where product_id = $1)
       insert into stock_ledger (product_id, order_id, kind, qty) values ($1, $2, 'RELEASE', 1)`,
      [gone, order.id],
    );
    const sagas = await on.door.pass(await accept(db.pool, [order]), STOCK);
    expect((await on.door.run(STOCK, sagas)).map(codeOf)).toEqual(['STOCK_INSUFFICIENT']);
    expect(await on.stockOf(kept)).toEqual({ available: 4, reserved: 1 });
  });

  test('undone gives the stock back for sale, once, and even when it was never confirmed', async () => {
    for (const confirmed of [true, false]) {
      const { order, saga } = await on.before(STOCK);
      if (confirmed) await on.door.run(STOCK, [saga]);
      await turnBack(db.pool, saga.sagaId);
      await on.door.undo(STOCK, [saga]);
      await on.door.undo(STOCK, [saga]);
      expect(await on.stockOf(order.productId)).toEqual({ available: 10, reserved: 0 });
      const kinds = await db.pool.query<{ kind: string }>(
        'select kind from stock_ledger where order_id = $1 order by id',
        [order.id],
      );
      const middle = confirmed ? ['CONFIRM', 'UNCONFIRM'] : [];
      expect(kinds.map(({ kind }) => kind)).toEqual(['RESERVE', ...middle, 'RELEASE']);
    }
  });
});

describe('the payment boundary', () => {
  test('pays: payment, order, delivery log, saga and events in one transaction', async () => {
    const { order, saga } = await on.before(PAYMENT);
    const [out] = await on.door.run(PAYMENT, [saga]);
    const payment = await on.one<{ id: number }>(
      'select id, amount, engine, xid from payments where order_id = $1',
      order.id,
    );
    expect(out).toMatchObject({ outcome: 'ok', paymentId: payment.id });
    expect(payment).toMatchObject({ amount: 300, engine: 'orchestration' });
    expect(await on.orderOf(order.id)).toMatchObject({ status: 'PAID' });
    const written = await on.one<{ xids: number; events: string[]; status: string; event_data: object }>(
      `select count(distinct x.xid) as xids, array_agg(distinct d.event_data) as datas, min(s.status) as status,
         (select array_agg(event_type order by sequence_number) from event_store where aggregate_id = 'order-' || $1::bigint) as events,
         (select event_data from external_event_log where order_id = $1) as event_data
       from saga_state s, external_event_log d,
         (select xid from payments where order_id = $1 union all select xid from orders where id = $1) x
       where s.order_id = $1 and d.order_id = $1`,
      order.id,
    );
    expect(written).toMatchObject({
      xids: 1,
      status: 'COMPLETED',
      events: ['order.validated', 'balance.deducted', 'stock.confirmed', 'payment.completed'],
      event_data: { paymentId: payment.id, orderId: order.id, userId: order.userId, amount: 300 },
    });
  });

  test('cannot be undone: a paid saga no longer goes back', async () => {
    const { order, saga } = await on.before(PAYMENT);
    await on.door.run(PAYMENT, [saga]);
    expect(await turnBack(db.pool, saga.sagaId)).toBe(false);
    expect(said(await on.door.undo(PAYMENT, [saga]))).toEqual(['fenced']);
    expect(said(await on.door.undo(BALANCE, [saga]))).toEqual(['fenced']);
    expect(await on.balanceOf(order.userId)).toBe(700);
  });

  test('refuses a blocked user, and the way back leaves everything as it was', async () => {
    const userId = await on.make.user({ balance: 1_000, blocked: true });
    const productId = await on.make.product({ price: 300, stock: 10 });
    const couponId = await on.make.coupon({ userId, discount: 50 });
    const order = await on.make.order({ userId, lines: [{ productId, qty: 2 }] });
    const [saga] = (await on.door.pass(await accept(db.pool, [{ ...order, couponId }]), PAYMENT)) as [Saga];
    expect(await on.balanceOf(userId)).toBe(450);
    expect((await on.door.run(PAYMENT, [saga])).map(codeOf)).toEqual(['PAYMENT_FAILED']);
    expect((await on.door.run(PAYMENT, [saga])).map(codeOf)).toEqual(['PAYMENT_FAILED']); // as the receipt says
    expect(await goBack(on.door.lanes, saga, null)).toMatchObject({ kind: 'refused', code: 'PAYMENT_FAILED' });
    expect(await on.balanceOf(userId)).toBe(1_000);
    expect(await on.stockOf(productId)).toEqual({ available: 10, reserved: 0 });
    expect(await on.one('select status, used_order_id from user_coupons where id = $1', couponId)).toEqual({
      status: 'ISSUED',
      used_order_id: null,
    });
    expect(await on.orderOf(order.id)).toEqual({
      status: 'PAYMENT_FAILED',
      refusal_code: 'PAYMENT_FAILED',
      final_amount: 550,
      discount_amount: 50,
    });
    expect(await on.receiptsOf(saga)).toEqual([
      'validateOrder EXECUTE SUCCESS',
      'validateOrder COMPENSATE COMPENSATED',
      'deductBalance EXECUTE SUCCESS',
      'deductBalance COMPENSATE COMPENSATED',
      'confirmStock EXECUTE SUCCESS',
      'confirmStock COMPENSATE COMPENSATED',
      'createPayment EXECUTE FAILED PAYMENT_FAILED',
      'createPayment COMPENSATE SUCCESS',
    ]);
  });
});
