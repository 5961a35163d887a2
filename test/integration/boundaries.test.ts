import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { refusalCodes, refusalStatus } from '../../domain/errors.ts';
import type { Tx } from '../../domain/ports.ts';
import { goBack } from '../../eventdriven/orchestration/orchestrator.ts';
import type { Outcome, Saga } from '../../eventdriven/saga/saga.ts';
import { accept, doors, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop, type Shop } from '../support/services.ts';

const [ORDER, BALANCE, STOCK, PAYMENT] = [0, 1, 2, 3] as const;
const said = (outcomes: readonly { readonly outcome: string }[]) => outcomes.map(({ outcome }) => outcome);
const codeOf = (out: Outcome | undefined) => (out?.outcome === 'refused' ? out.code : out?.outcome);

let db: FreshDatabase;
let make: Shop;
let door: ReturnType<typeof doors>;
beforeAll(async () => {
  db = await freshDatabase();
  make = shop(db.pool);
  door = doors(db.pool);
});
afterAll(() => db.drop());

const one = async <Row>(text: string, id: number): Promise<Row> => (await db.pool.query<Row>(text, [id]))[0] as Row;
const balanceOf = async (userId: number) =>
  (await one<{ amount: number }>('select amount from balances where user_id = $1', userId)).amount;
const orderOf = (orderId: number) =>
  one<object>('select status, refusal_code, final_amount, discount_amount from orders where id = $1', orderId);
const stockOf = (productId: number) =>
  one<object>('select available, reserved from stocks where product_id = $1', productId);
const receiptsOf = async ({ sagaId }: Saga) =>
  (
    await db.pool.query<{ receipt: string }>(
      `select concat_ws(' ', step_name, op, status, error_message) as receipt from saga_step_execution
       where saga_id = $1 order by step_no, op desc`,
      [sagaId],
    )
  ).map(({ receipt }) => receipt);

/** One payment before boundary `at`, with all it needs. */
async function before(at: number, options?: Parameters<Shop['payable']>[0]) {
  const order = await make.payable({ balance: 1_000, price: 300, stock: 10, ...options });
  const [saga] = await door.pass(await accept(db.pool, [order]), at);
  return { order, saga: saga as Saga };
}

/** Another session that holds a row until it is let go. */
async function holding<T>(lock: string, id: number, work: () => Promise<T>): Promise<T> {
  let result: T | undefined;
  await db.pool.transaction(async (tx: Tx) => {
    await tx.query(`select from ${lock} = $1 for update`, [id]);
    result = await work();
  });
  return result as T;
}

describe('every boundary', () => {
  const boundaries = [ORDER, BALANCE, STOCK, PAYMENT] as const;
  const effects = (orderId: number) =>
    one<object>(
      `select (select count(*) from balance_ledger where order_id = $1) as debits,
         (select count(*) from stock_ledger where order_id = $1 and kind = 'CONFIRM') as confirmations,
         (select count(*) from payments where order_id = $1) as payments,
         (select count(*) from external_event_log where order_id = $1) as deliveries,
         (select count(*) from event_store where aggregate_id = 'order-' || $1::bigint) as events`,
      orderId,
    );

  test.each(boundaries)('%d happens once when it is asked for twice, and twice in one batch', async (at) => {
    const { order, saga } = await before(at);
    expect(said(await door.run(at, [saga, saga]))).toEqual(['ok', 'ok']);
    const after = await effects(order.id);
    const [again] = await door.run(at, [saga]);
    expect(again).toMatchObject({ outcome: 'already-done', facts: { due: 300, discount: 0, qtys: [1] } });
    expect(await effects(order.id)).toEqual(after);
  });

  test.each(boundaries)('%d answers fenced to an old epoch, and writes nothing', async (at) => {
    const { order, saga } = await before(at);
    const unchanged = await effects(order.id);
    await db.pool.query('update saga_state set epoch = 2 where saga_id = $1', [saga.sagaId]);
    expect(said(await door.run(at, [saga]))).toEqual(['fenced']);
    expect(await effects(order.id)).toEqual(unchanged);
    expect(await receiptsOf(saga)).toHaveLength(at);
    expect(said(await door.run(at, [{ ...saga, epoch: 2 }]))).toEqual(['ok']);
  });

  test.each(boundaries)('%d answers fenced to a worker that does not own the saga', async (at) => {
    const { saga } = await before(at);
    await db.pool.query(`update saga_state set owner = 'w1' where saga_id = $1`, [saga.sagaId]);
    expect(said(await doors(db.pool, { worker: 'w2' }).run(at, [saga]))).toEqual(['fenced']);
    expect(said(await doors(db.pool, { worker: null }).run(at, [saga]))).toEqual(['ok']);
  });

  test.each(boundaries)('%d undone before it was done is never done', async (at) => {
    const { order, saga } = await before(at);
    const unchanged = await effects(order.id);
    await turnBack(db.pool, saga.sagaId);
    expect(said(await door.undo(at, [saga]))).toEqual(['ok']);
    await db.pool.query(`update saga_state set status = 'RUNNING' where saga_id = $1`, [saga.sagaId]); // so that only the receipt can stop it
    expect(said(await door.run(at, [saga]))).toEqual(['fenced']);
    expect(await effects(order.id)).toMatchObject({ ...unchanged, events: expect.anything() });
    expect((await receiptsOf(saga)).slice(-2)).toEqual([
      expect.stringMatching(/EXECUTE FAILED voided$/),
      expect.stringMatching(/COMPENSATE SUCCESS$/),
    ]);
  });

  test.each(boundaries)('%d says busy while another session holds its row, and has written nothing', async (at) => {
    const { order, saga } = await before(at);
    const unchanged = await effects(order.id);
    const rows = [
      ['orders where id', order.id],
      ['balances where user_id', order.userId],
      ['stocks where product_id', order.productId],
      ['orders where id', order.id],
    ] as const;
    const [lock, id] = rows[at];
    const neighbour = await before(at);
    const both = () => door.run(at, [saga, neighbour.saga]);
    expect(said(await holding(lock, id, both))).toEqual(['busy', 'ok']);
    expect(await effects(order.id)).toEqual(unchanged);
    expect(await receiptsOf(saga)).toHaveLength(at);
    expect(said(await door.run(at, [saga]))).toEqual(['ok']);
  });

  test.each(boundaries)('%d can be asked for by nobody', async (at) => {
    expect(await door.run(at, [])).toEqual([]);
    expect(await door.undo(at, [])).toEqual([]);
  });
});

describe('a boundary that waits', () => {
  test('succeeds when the other session has committed, on what it left', async () => {
    const { order, saga } = await before(BALANCE, { balance: 1_000, price: 300 });
    let waiting: Promise<readonly Outcome[]> | undefined;
    await db.pool.transaction(async (tx) => {
      await tx.query('update balances set amount = 299 where user_id = $1', [order.userId]);
      waiting = door.run(BALANCE, [saga], true);
      await blocked();
    });
    expect((await waiting)?.map(codeOf)).toEqual(['BALANCE_INSUFFICIENT']);
    expect(await balanceOf(order.userId)).toBe(299);
  });

  /** Until some session of this database waits for a lock. */
  async function blocked(): Promise<void> {
    for (;;) {
      const rows = await db.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      if (rows.length > 0) return;
    }
  }
});

describe('the order boundary', () => {
  test('makes the order PAYING with its amounts, and says so', async () => {
    const { order, saga } = await before(BALANCE);
    expect(await orderOf(order.id)).toEqual({
      status: 'PAYING',
      refusal_code: null,
      final_amount: 300,
      discount_amount: 0,
    });
    expect(await receiptsOf(saga)).toEqual(['validateOrder EXECUTE SUCCESS']);
  });

  test('refuses totals that do not add up and used coupons, and passes the rest of the batch', async () => {
    const userId = await make.user();
    const productId = await make.product({ price: 100 });
    const [good, coupon, used] = [
      await make.coupon({ userId, discount: 30 }),
      await make.coupon({ userId, discount: 500 }),
      await make.coupon({ userId, used: true }),
    ];
    const lines = [{ productId, qty: 1 }];
    const orders = [
      { ...(await make.order({ userId, lines })), couponId: good },
      { ...(await make.order({ userId, lines, total: 99 })), couponId: null },
      { ...(await make.order({ userId, lines })), couponId: used },
      { ...(await make.order({ userId, lines: [] })), couponId: null },
      { ...(await make.order({ userId, lines })), couponId: coupon },
      { ...(await make.order({ userId, lines })), couponId: good },
    ];
    const outcomes = await door.run(ORDER, await accept(db.pool, orders));
    expect(outcomes.map(codeOf)).toEqual([
      ...['ok', 'VALIDATION_FAILED', 'COUPON_UNUSABLE', 'VALIDATION_FAILED', 'ok', 'COUPON_UNUSABLE'],
    ]);
    expect(outcomes[0]).toMatchObject({ facts: { due: 70, discount: 30 } });
    expect(outcomes[4]).toMatchObject({ facts: { due: 0, discount: 100 } });
  });

  test('refuses an order that somebody else has begun to pay', async () => {
    const { order, saga } = await before(ORDER);
    await db.pool.query(`update orders set status = 'PAID' where id = $1`, [order.id]);
    expect((await door.run(ORDER, [saga])).map(codeOf)).toEqual(['ORDER_NOT_PAYABLE']);
    expect(await goBack(door.lanes, saga, null)).toMatchObject({ kind: 'refused', code: 'ORDER_NOT_PAYABLE' });
    expect(await orderOf(order.id)).toMatchObject({ status: 'PAID', refusal_code: null });
  });
});

describe('the balance boundary', () => {
  /** Orders of one user over these prices, validated. */
  async function validated(balance: number, prices: readonly number[]) {
    const userId = await make.user({ balance });
    const orders = [];
    for (const price of prices) {
      const productId = await make.product({ price });
      orders.push(await make.order({ userId, lines: [{ productId, qty: 1 }] }));
    }
    return { userId, sagas: await door.pass(await accept(db.pool, orders), BALANCE) };
  }

  test('lets a smaller payment pass behind one that does not fit', async () => {
    const { userId, sagas } = await validated(100, [50, 80, 40]);
    const outcomes = await door.run(BALANCE, sagas);
    expect(outcomes.map(codeOf)).toEqual(['ok', 'BALANCE_INSUFFICIENT', 'ok']);
    expect(await balanceOf(userId)).toBe(10);
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
    const outcomes = await door.run(BALANCE, sagas);
    expect(outcomes.map(codeOf)).toEqual(['BALANCE_INSUFFICIENT', 'ok', 'ok', 'BALANCE_INSUFFICIENT']);
    expect(await balanceOf(userId)).toBe(0);
  });

  test('gives the money back once, however often it is undone', async () => {
    const { userId, sagas } = await validated(100, [60, 40]);
    await door.run(BALANCE, sagas);
    for (const { sagaId } of sagas) await turnBack(db.pool, sagaId);
    const [first] = sagas as [Saga, Saga];
    expect(said(await door.undo(BALANCE, [...sagas, first]))).toEqual(['ok', 'ok', 'ok']);
    expect(said(await door.undo(BALANCE, sagas))).toEqual(['already-done', 'already-done']);
    expect(await balanceOf(userId)).toBe(100);
    expect(await receiptsOf(first)).toContain('deductBalance COMPENSATE COMPENSATED');
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
    const { order, saga } = await before(BALANCE);
    await db.pool.query('delete from balances where user_id = $1', [order.userId]);
    expect((await door.run(BALANCE, [saga])).map(codeOf)).toEqual(['BALANCE_INSUFFICIENT']);
  });
});

describe('the stock boundary', () => {
  test('takes what is reserved, and refuses an order whose reservation lapsed, its neighbour on the same shelf not', async () => {
    const [userId, productId] = [await make.user(), await make.product({ stock: 5 })];
    const live = await make.order({ userId, lines: [{ productId, qty: 2 }] });
    const lapsed = await make.order({ userId, lines: [{ productId, qty: 2 }], lapsed: true });
    const sagas = await door.pass(await accept(db.pool, [lapsed, live]), STOCK);
    expect((await door.run(STOCK, sagas)).map(codeOf)).toEqual(['STOCK_INSUFFICIENT', 'ok']);
    expect(await stockOf(productId)).toEqual({ available: 3, reserved: 0 });
  });

  test('confirms all lines of an order or none', async () => {
    const [userId, kept, gone] = [
      await make.user(),
      await make.product({ stock: 5 }),
      await make.product({ stock: 5 }),
    ];
    const order = await make.order({
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
    const sagas = await door.pass(await accept(db.pool, [order]), STOCK);
    expect((await door.run(STOCK, sagas)).map(codeOf)).toEqual(['STOCK_INSUFFICIENT']);
    expect(await stockOf(kept)).toEqual({ available: 4, reserved: 1 });
  });

  test('undone gives the stock back for sale, once, and even when it was never confirmed', async () => {
    for (const confirmed of [true, false]) {
      const { order, saga } = await before(STOCK);
      if (confirmed) await door.run(STOCK, [saga]);
      await turnBack(db.pool, saga.sagaId);
      await door.undo(STOCK, [saga]);
      await door.undo(STOCK, [saga]);
      expect(await stockOf(order.productId)).toEqual({ available: 10, reserved: 0 });
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
    const { order, saga } = await before(PAYMENT);
    const [out] = await door.run(PAYMENT, [saga]);
    const payment = await one<{ id: number }>(
      'select id, amount, engine, xid from payments where order_id = $1',
      order.id,
    );
    expect(out).toMatchObject({ outcome: 'ok', paymentId: payment.id });
    expect(payment).toMatchObject({ amount: 300, engine: 'orchestration' });
    expect(await orderOf(order.id)).toMatchObject({ status: 'PAID' });
    const written = await one<{ xids: number; events: string[]; status: string; event_data: object }>(
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
    const { order, saga } = await before(PAYMENT);
    await door.run(PAYMENT, [saga]);
    expect(await turnBack(db.pool, saga.sagaId)).toBe(false);
    expect(said(await door.undo(PAYMENT, [saga]))).toEqual(['fenced']);
    expect(said(await door.undo(BALANCE, [saga]))).toEqual(['fenced']);
    expect(await balanceOf(order.userId)).toBe(700);
  });

  test('refuses a blocked user, and the way back leaves everything as it was', async () => {
    const userId = await make.user({ balance: 1_000, blocked: true });
    const productId = await make.product({ price: 300, stock: 10 });
    const couponId = await make.coupon({ userId, discount: 50 });
    const order = await make.order({ userId, lines: [{ productId, qty: 2 }] });
    const [saga] = (await door.pass(await accept(db.pool, [{ ...order, couponId }]), PAYMENT)) as [Saga];
    expect(await balanceOf(userId)).toBe(450);
    expect((await door.run(PAYMENT, [saga])).map(codeOf)).toEqual(['PAYMENT_FAILED']);
    expect((await door.run(PAYMENT, [saga])).map(codeOf)).toEqual(['PAYMENT_FAILED']); // as the receipt says
    expect(await goBack(door.lanes, saga, null)).toMatchObject({ kind: 'refused', code: 'PAYMENT_FAILED' });
    expect(await balanceOf(userId)).toBe(1_000);
    expect(await stockOf(productId)).toEqual({ available: 10, reserved: 0 });
    expect(await one('select status, used_order_id from user_coupons where id = $1', couponId)).toEqual({
      status: 'ISSUED',
      used_order_id: null,
    });
    expect(await orderOf(order.id)).toEqual({
      status: 'PAYMENT_FAILED',
      refusal_code: 'PAYMENT_FAILED',
      final_amount: 550,
      discount_amount: 50,
    });
    expect(await receiptsOf(saga)).toEqual([
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

test('the status a refusal leaves is the same in SQL and in code', async () => {
  const rows = await db.pool.query<{ code: (typeof refusalCodes)[number]; status: string }>(
    'select code, refusal_status(code) as status from unnest($1::text[]) code',
    [refusalCodes],
  );
  expect(rows).toHaveLength(refusalCodes.length);
  for (const { code, status } of rows) expect([code, status]).toEqual([code, refusalStatus(code)]);
});
