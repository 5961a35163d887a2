import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { paymentDefinitions } from '../../domain/saga-definitions.ts';
import { settleSagas, startWorker } from '../../eventdriven/index.ts';
import { type RescuedSaga, rescueSagas } from '../../eventdriven/saga/rescue-sql.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { untilSaga } from '../support/one-payment.ts';
import { payAndConfirm, payFirst } from '../support/pay-first.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { styles } from '../support/workers.ts';

/** The payment's own definitions end with their pivot. One that goes on after it only goes forward, whatever happens there. */
let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());

const [PIVOT, STOCK] = [2, 3];
/** A payment of 300 whose reservation has lapsed: there is no stock to confirm. */
async function placed({ lapsed = false, blocked = false } = {}) {
  const { user, product, order } = shop(db.pool);
  const [userId, productId] = [await user({ balance: 1_000, blocked }), await product({ price: 300, stock: 5 })];
  return { ...(await order({ userId, lines: [{ productId, qty: 1 }], lapsed })), productId };
}
const reserve = async (order: { id: number; productId: number }): Promise<void> => {
  await db.pool.query('update stocks set available = available - 1, reserved = reserved + 1 where product_id = $1', [
    order.productId,
  ]);
  await db.pool.query(`insert into stock_ledger (product_id, order_id, kind, qty) values ($1, $2, 'RESERVE', 1)`, [
    order.productId,
    order.id,
  ]);
};
const booksOf = async ({ id, userId }: { id: number; userId: number }) =>
  (
    await db.pool.query(
      `select o.status, b.amount, (select count(*) from payments p where p.order_id = o.id) as payments,
         (select array_agg(e.event_type order by e.sequence_number) from event_store e where e.aggregate_id = 'order-' || o.id) as events
       from orders o, balances b where o.id = $1 and b.user_id = $2`,
      [id, userId],
    )
  )[0];
const stateOf = async ({ sagaId }: Saga) =>
  (
    await db.pool.query<object>(
      `select status, current_step, deadline_at is not null as deadline, decided_at is not null as decided from saga_state where saga_id = $1`,
      [sagaId],
    )
  )[0];
const receiptsOf = async ({ sagaId }: Saga) =>
  (
    await db.pool.query<{ receipt: string }>(
      `select concat_ws(' ', step_name, op, status) as receipt from saga_step_execution where saga_id = $1 order by step_no, op desc`,
      [sagaId],
    )
  ).map(({ receipt }) => receipt);
const paid = {
  ...{ status: 'PAID', amount: 700, payments: 1 },
  events: ['order.validated', 'balance.deducted', 'payment.completed'],
};
const decided = { status: 'RUNNING', current_step: 'createPayment', deadline: false, decided: true };
/** Accepted with a deadline that has passed at once, and past its pivot all the same. */
async function pastPivot(options?: Parameters<typeof placed>[0]) {
  const order = await placed(options);
  const accepted = await accept(db.pool, [order], 'orchestration', { version: payFirst.version, deadlineMs: 0 });
  const door = doors(db.pool, { cut: payFirst.cut });
  const [saga] = (await door.pass(accepted, STOCK)) as [Saga];
  return { order, saga, door };
}

describe('a saga that has passed its pivot and is not at its end', () => {
  test('runs on, has no deadline any more, and is claimed to go forward', async () => {
    const { order, saga } = await pastPivot();
    expect(await stateOf(saga)).toEqual(decided);
    expect(await booksOf(order)).toEqual(paid);
    const call = { engine: 'orchestration', worker: 'sweeper', versions: [payFirst.version], active: [], maxCount: 9 };
    const [claimed] = (await rescueSagas(db.pool, { ...call, silentMs: 0, unownedMs: 0 })) as [RescuedSaga];
    expect(claimed).toMatchObject({ status: 'RUNNING', currentStep: 'createPayment', expired: false });
    const door = doors(db.pool, { cut: payFirst.cut, worker: 'sweeper' });
    expect(await door.run(STOCK, [claimed.saga])).toMatchObject([{ outcome: 'ok', paymentId: null }]);
    expect(await stateOf(saga)).toEqual({ ...decided, status: 'COMPLETED', current_step: 'confirmStock' });
  });

  test('is turned back by nobody: not by the sweep, not by a person', async () => {
    const { order, saga } = await pastPivot();
    expect(
      await db.pool.query(`select turn_back_sagas(array[$1::bigint], 'PAYMENT_FAILED', 'x')`, [saga.sagaId]),
    ).toEqual([]);
    const by = { actor: 'me', command: 'sagas compensate', reason: 'x' };
    const signal = new AbortController().signal;
    for await (const settled of settleSagas(db.pool, 'compensate', [saga.sagaId], by, { signal })) {
      expect(settled).toMatchObject({ outcome: 'refused', code: 'PAST_PIVOT' });
    }
    expect(await stateOf(saga)).toEqual(decided);
    expect(await booksOf(order)).toEqual(paid);
  });

  test('is told no by nobody: that is a fault, and leaves no trace; its neighbour in the batch goes on', async () => {
    const [stuck, fine] = [await pastPivot({ lapsed: true }), await pastPivot()];
    await expect(stuck.door.run(STOCK, [fine.saga, stuck.saga])).rejects.toThrow(
      'confirmStock refused after the pivot',
    );
    expect(await stateOf(stuck.saga)).toEqual(decided);
    expect(await receiptsOf(stuck.saga)).toHaveLength(STOCK);
    expect(await stuck.door.run(STOCK, [fine.saga])).toMatchObject([{ outcome: 'ok' }]);
  });
});

test('a no within the boundary of the pivot, behind it, takes the pivot back with it', async () => {
  const order = await placed({ lapsed: true });
  const door = doors(db.pool, { cut: payAndConfirm.cut });
  const [saga] = (await door.pass(await accept(db.pool, [order], 'orchestration'), PIVOT)) as [Saga];
  await expect(door.run(PIVOT, [saga])).rejects.toThrow('confirmStock refused after the pivot');
  expect(await booksOf(order)).toMatchObject({ status: 'PAYING', payments: 0 });
  await reserve(order);
  expect(await door.run(PIVOT, [saga])).toMatchObject([{ outcome: 'ok', paymentId: expect.any(Number) }]);
  expect(await stateOf(saga)).toMatchObject({ status: 'COMPLETED', decided: false });
});

describe.each(styles)('in the $style', ({ style, roles }) => {
  let worker: { stop(): Promise<void> };
  beforeAll(async () => {
    const ports = portsOn(db.url, freshRedis());
    const backoff = { firstMs: 1, longestMs: 1, attentionAfter: 3 };
    const config = { ...ports.config, saga: { ...ports.config.saga, backoff } };
    worker = await startWorker({ ...ports, config, roles, definitions: [...paymentDefinitions.slice(0, 1), payFirst] });
  });
  afterAll(() => worker.stop());

  /** Found by the sweep: nobody rings for it. */
  async function begun(options?: Parameters<typeof placed>[0]) {
    const order = await placed(options);
    const [saga] = (await accept(db.pool, [order], style, { version: payFirst.version })) as [Saga];
    await db.pool.query('update saga_state set next_run_at = now() where saga_id = $1', [saga.sagaId]);
    return { order, saga };
  }

  test('a step after the pivot that fails is tried until it succeeds: the order stays paid, nothing is undone', async () => {
    const { order, saga } = await begun({ lapsed: true });
    const shown = await untilSaga(db.pool, saga, ({ attention }) => attention);
    expect(shown).toMatchObject({ status: 'RUNNING', order: 'PAID' });
    expect(shown.last_error).toBe('confirmStock refused after the pivot: it is tried again');
    expect(await stateOf(saga)).toEqual(decided);
    expect(await booksOf(order)).toEqual(paid);
    await reserve(order);
    await untilSaga(db.pool, saga, ({ status }) => status === 'COMPLETED');
    expect(await booksOf(order)).toEqual({ ...paid, events: [...paid.events, 'stock.confirmed'] });
    expect(
      await db.pool.query('select available, reserved from stocks where product_id = $1', [order.productId]),
    ).toEqual([{ available: 4, reserved: 0 }]);
  });

  test('a no of the pivot undoes what came before it, and leaves what comes after it alone', async () => {
    const { order, saga } = await begun({ blocked: true });
    await untilSaga(db.pool, saga, ({ status }) => status === 'COMPENSATED');
    expect(await booksOf(order)).toMatchObject({ status: 'PAYMENT_FAILED', amount: 1_000, payments: 0 });
    expect(await receiptsOf(saga)).toEqual([
      ...['validateOrder EXECUTE SUCCESS', 'validateOrder COMPENSATE COMPENSATED'],
      ...['deductBalance EXECUTE SUCCESS', 'deductBalance COMPENSATE COMPENSATED'],
      ...['createPayment EXECUTE FAILED', 'createPayment COMPENSATE SUCCESS'],
    ]);
  });
});
