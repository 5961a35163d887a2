import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import type { Tx } from '../../domain/ports.ts';
import { startWorker } from '../../eventdriven/index.ts';
import { goBack, goForward } from '../../eventdriven/orchestration/orchestrator.ts';
import { beat, type RescuedSaga, rescueSagas } from '../../eventdriven/saga/rescue-sql.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { accept, doors, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { openSession } from '../support/sessions.ts';
import { styles } from '../support/workers.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query(`update saga_state set deadline_at = null, next_run_at = now() + interval '1 hour'`);
  await beat(db.pool, 'w1', 'test');
});

/** One payment of 300, passed up to boundary `at`, whose deadline is long over or far away. */
async function saga(at: number, { over = true, worker = 'w1' }: { over?: boolean; worker?: string | null } = {}) {
  const order = await shop(db.pool).payable({ balance: 1_000, price: 300, stock: 5 });
  const [passed] = (await doors(db.pool, { worker }).pass(await accept(db.pool, [order]), at)) as [Saga];
  const deadline = over ? `- interval '1 s'` : `+ interval '1 hour'`;
  await db.pool.query(`update saga_state set deadline_at = now() ${deadline} where saga_id = $1`, [passed.sagaId]);
  return { order, saga: passed };
}

const sweep = (tx: Tx = db.pool, active: readonly number[] = [], maxCount = 100) =>
  rescueSagas(tx, {
    ...{ engine: 'orchestration', worker: 'sweeper', versions: [1], active, maxCount },
    ...{ silentMs: 3_600_000, unownedMs: 3_600_000 },
  });
const one = async <Row>(text: string, id: number) => (await db.pool.query<Row>(text, [id]))[0] as Row;
const stateOf = ({ sagaId }: Saga) =>
  one<object>('select status, failure_code, last_error, epoch, owner from saga_state where saga_id = $1', sagaId);
const violations = async () =>
  (await verify(db.url, { mode: 'live' })).perInvariant.filter((one) => one.violations > 0).map(({ code }) => code);

/** Everything of the payment, as it must be when it ended by its deadline. */
async function undone(order: { id: number; userId: number; productId: number }): Promise<object> {
  return {
    order: (await one<{ status: string }>('select status from orders where id = $1', order.id)).status,
    balance: (await one<{ amount: number }>('select amount from balances where user_id = $1', order.userId)).amount,
    stock: await one('select available, reserved from stocks where product_id = $1', order.productId),
    payments: (await db.pool.query('select from payments where order_id = $1', [order.id])).length,
  };
}
const nothingLeft = {
  ...{ order: 'PAYMENT_FAILED', balance: 1_000, payments: 0 },
  stock: { available: 5, reserved: 0 },
};

describe('a saga that still runs after its deadline', () => {
  test.each([0, 1, 2, 3])('turns back after %d boundaries, under a raised epoch, and ends undone', async (at) => {
    const { order, saga: late } = await saga(at);
    const [taken] = (await sweep()) as [RescuedSaga];
    expect(taken).toMatchObject({ expired: true, status: 'COMPENSATING', saga: { sagaId: late.sagaId, epoch: 2 } });
    expect(taken.saga.facts).toMatchObject({ products: [order.productId], qtys: [1] });
    expect(await stateOf(late)).toEqual({
      ...{ status: 'COMPENSATING', failure_code: 'PAYMENT_FAILED', last_error: 'the deadline has passed' },
      ...{ epoch: 2, owner: 'sweeper' },
    });
    expect(await violations()).toEqual([]);
    const end = await goBack(doors(db.pool, { worker: 'sweeper' }).lanes, taken.saga, null);
    expect(end).toMatchObject({ kind: 'refused', code: 'PAYMENT_FAILED' });
    expect(await undone(order)).toEqual(nothingLeft);
    expect(await violations()).toEqual([]);
    const events = await db.pool.query<{ event_type: string; event_data: object }>(
      `select event_type, event_data from event_store where aggregate_id = $1 and event_type = 'payment.rejected'`,
      [`order-${order.id}`],
    );
    expect(events.map(({ event_data }) => event_data)).toEqual([
      { code: 'PAYMENT_FAILED', reason: 'the deadline has passed' },
    ]);
  });

  test('turns back even when its worker has it in hand, who is told that it has lost it', async () => {
    const { saga: late } = await saga(2);
    expect(await sweep(db.pool, [late.sagaId])).toHaveLength(1);
    expect(await doors(db.pool).run(2, [late])).toEqual([{ outcome: 'fenced' }]);
  });

  test('keeps its facts when the worker that turned it dies at once', async () => {
    const { order, saga: late } = await saga(0);
    await sweep();
    await db.pool.query('update saga_state set next_run_at = now() where saga_id = $1', [late.sagaId]);
    const [again] = (await sweep()) as [RescuedSaga];
    expect(again).toMatchObject({ expired: false, status: 'COMPENSATING', saga: { epoch: 3 } });
    await goBack(doors(db.pool, { worker: 'sweeper' }).lanes, again.saga, null);
    expect(await undone(order)).toEqual(nothingLeft);
  });

  test('says what was wrong with it all along, when its totals do not add up', async () => {
    const { user, product, order } = shop(db.pool);
    const lines = [{ productId: await product({ stock: 5 }), qty: 1 }];
    const unsound = await order({ userId: await user(), lines, total: 1 });
    await accept(db.pool, [unsound], 'orchestration', { deadlineMs: 0 });
    const [taken] = (await sweep()) as [RescuedSaga];
    const end = await goBack(doors(db.pool, { worker: 'sweeper' }).lanes, taken.saga, null);
    expect(end).toMatchObject({ kind: 'refused', code: 'VALIDATION_FAILED' });
    expect(await violations()).toEqual([]);
  });

  test('is one of few in a sweep, oldest first', async () => {
    const all = [await saga(1), await saga(0), await saga(2)].map((one) => one.saga.sagaId);
    expect((await sweep(db.pool, [], 2)).map((one) => one.saga.sagaId)).toEqual(all.slice(0, 2));
    expect((await sweep(db.pool, [], 2)).map((one) => one.saga.sagaId)).toEqual(all.slice(2));
  });

  test('goes forward no more, not even when its waiting retry would be due later', async () => {
    const { saga: late } = await saga(1);
    await db.pool.query(
      `update saga_state set next_run_at = now() + interval '1 hour', attempts = 9 where saga_id = $1`,
      [late.sagaId],
    );
    expect(await sweep()).toMatchObject([{ expired: true, attempts: 0 }]);
  });
});

describe('no deadline has', () => {
  test('a saga whose time is not over', async () => {
    await saga(1, { over: false });
    expect(await sweep()).toEqual([]);
  });

  test('a saga on its way back: it takes as long as it takes', async () => {
    const { saga: late } = await saga(2);
    await turnBack(db.pool, late.sagaId, 'STOCK_INSUFFICIENT');
    expect(await sweep()).toEqual([]);
    expect(await stateOf(late)).toMatchObject({ failure_code: 'STOCK_INSUFFICIENT', epoch: 1 });
  });

  test('a saga that is final', async () => {
    const { order, saga: late } = await saga(0);
    await goForward(doors(db.pool).lanes, late, 0);
    expect(await sweep()).toEqual([]);
    expect(await undone(order)).toMatchObject({ order: 'PAID', payments: 1 });
  });
});

describe('the deadline and the pivot', () => {
  const race = async () => {
    const { order, saga: late } = await saga(3, { worker: null });
    const [pivot, deadline] = await Promise.all([
      openSession(db.url, db.pool, 'read committed'),
      openSession(db.url, db.pool, 'read committed'),
    ]);
    const pay = async () => (await doors(pivot, { worker: null }).run(3, [late], true))[0]?.outcome;
    return { order, late, pivot, deadline, pay };
  };

  test('have one winner when the pivot is first: the sweep passes by and finds it paid', async () => {
    const { order, pivot, deadline, pay } = await race();
    await pivot.begin();
    expect(await pay()).toBe('ok');
    expect(await sweep(deadline)).toEqual([]);
    await pivot.commit();
    expect(await sweep(deadline)).toEqual([]);
    expect(await undone(order)).toMatchObject({ order: 'PAID', payments: 1, balance: 700 });
    await Promise.all([pivot.close(), deadline.close()]);
  });

  test('have one winner when the deadline is first: the pivot waits and is told that it is too late', async () => {
    const { order, pivot, deadline, pay } = await race();
    await deadline.begin();
    const [taken] = (await sweep(deadline)) as [RescuedSaga];
    const paying = pay();
    await pivot.blocked();
    await deadline.commit();
    expect(await paying).toBe('fenced');
    await goBack(doors(db.pool, { worker: 'sweeper' }).lanes, taken.saga, null);
    expect(await undone(order)).toEqual(nothingLeft);
    await Promise.all([pivot.close(), deadline.close()]);
  });

  test('have one winner when the pivot began first and was rolled back', async () => {
    const { order, pivot, deadline, pay } = await race();
    await pivot.begin();
    expect(await pay()).toBe('ok');
    await pivot.query('rollback');
    const [taken] = (await sweep(deadline)) as [RescuedSaga];
    await goBack(doors(db.pool, { worker: 'sweeper' }).lanes, taken.saga, null);
    expect(await pay()).toBe('fenced');
    expect(await undone(order)).toEqual(nothingLeft);
    await Promise.all([pivot.close(), deadline.close()]);
  });

  test('have one winner whoever is quicker', async () => {
    for (let round = 0; round < 8; round++) {
      const { order, pivot, deadline, pay } = await race();
      const [paid, swept] = await Promise.all([pay(), sweep(deadline)]);
      for (const { saga: turned } of swept) await goBack(doors(db.pool, { worker: 'sweeper' }).lanes, turned, null);
      // Skipped while the pivot had it, and not turned: then the pivot has won.
      expect([paid, swept.length]).toEqual(swept.length === 0 ? ['ok', 0] : ['fenced', 1]);
      expect(await undone(order)).toMatchObject(swept.length === 0 ? { order: 'PAID', payments: 1 } : nothingLeft);
      await Promise.all([pivot.close(), deadline.close()]);
    }
  });
});

describe.each(styles)('a worker of the $style', ({ style, roles }) => {
  test('brings sagas whose deadline passed while nobody was there to a refusal, wherever they stood', async () => {
    const worker = style === 'orchestration' ? 'dead' : null;
    const { payable } = shop(db.pool);
    const orders = [];
    for (const at of [0, 1, 2, 3]) {
      const order = await payable({ balance: 1_000, price: 300, stock: 5 });
      const accepted = await accept(db.pool, [order], style, { deadlineMs: 0 });
      await doors(db.pool, { engine: style, worker }).pass(accepted, at);
      orders.push(order);
    }
    const ports = portsOn(db.url, freshRedis());
    const running = await startWorker({ ...ports, roles });
    for (;;) {
      const open = await db.pool.query(
        `select from saga_state where saga_type = $1 and status in ('RUNNING', 'COMPENSATING') and deadline_at is not null`,
        [style],
      );
      if (open.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await running.stop();
    for (const order of orders) expect(await undone(order)).toEqual(nothingLeft);
    expect((await ports.metrics.sagaExpired.get()).values).toMatchObject([{ value: 4 }]);
  });
});
