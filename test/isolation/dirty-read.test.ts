import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { createLeanEngine } from '../../legacy/index.ts';
import { readPayment } from '../../router/order-sql.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { accept, doors, turnBack } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import type { Order } from '../support/shop.ts';
import { type Edit, switchOff } from './switched-off.ts';

/**
 * Dirty read: somebody acts upon what a saga has committed in one boundary and takes back later. Countermeasures: the order is
 * PAYING from the first boundary to the last (a semantic lock), and what the outside is told is written by the pivot, after
 * which nothing is taken back.
 */
const [, BALANCE, , PAYMENT] = [0, 1, 2, 3] as const;

let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.drop());

const brokenInvariants = async () =>
  (await verify(db.url, { mode: 'live' })).perInvariant.flatMap(({ code, violations }) =>
    violations > 0 ? [code] : [],
  );

/** A payment that the pivot will refuse, because its user is blocked. */
async function doomed(): Promise<{ order: Order; saga: Saga }> {
  const { user, product, order } = shop(db.pool);
  const [userId, productId] = [await user({ blocked: true }), await product()];
  const placed = await order({ userId, lines: [{ productId, qty: 1 }] });
  const [saga] = (await accept(db.pool, [placed])) as [Saga];
  return { order: placed, saga };
}

async function undoAll(saga: Saga, from: number): Promise<void> {
  for (let i = from; i >= 0; i--) await doors(db.pool).undo(i, [saga]);
}

const claimOnce: Edit = {
  file: 'domain/route/claim-route.sql',
  from: 'on conflict do nothing returning order_id',
  to: 'on conflict (order_id) do update set side = excluded.side returning order_id',
};
/** The order stays PENDING while it is being paid. */
const neverPaying: readonly Edit[] = [
  {
    file: 'domain/order/validate-order.sql',
    from: `set status = 'PAYING', engine`,
    to: `set status = 'PENDING', engine`,
  },
  { file: 'domain/payment/create-payment.sql', from: `o.status = 'PAYING'`, to: `o.status = 'PENDING'` },
  { file: 'domain/order/validate-order.sql', from: `and o.status = 'PAYING'`, to: `and o.status = 'PENDING'` },
];

describe('a second payment of an order whose money has been taken and whose saga is not final', () => {
  /** By the monolith, which knows nothing of sagas. Its answer, and how often money was taken for the order. */
  async function payAgain() {
    const order = await shop(db.pool).payable({ balance: 1_000, price: 300 });
    await doors(db.pool).pass(await accept(db.pool, [order]), BALANCE + 1);
    const monolith = createLeanEngine(portsOn(db.url, freshRedis()));
    await monolith.start();
    const route = { side: 'legacy', reason: 'pinned', bucket: order.userId % 100, version: 1 } as const;
    const command = { orderId: order.id, userId: order.userId, couponId: null, route };
    const answer = await (await monolith.submit(command, new AbortController().signal)).settled;
    await monolith.stop();
    const debits = await db.pool.query(`select from balance_ledger where order_id = $1 and kind = 'DEBIT'`, [order.id]);
    return { said: 'code' in answer ? answer.code : answer.kind, debits: debits.length };
  }

  test('is turned away: the order is PAYING and has its route', async () => {
    expect(await payAgain()).toEqual({ said: 'PAYMENT_IN_PROGRESS', debits: 1 });
  });

  test('is turned away by the status when a route keeps nobody out', async () => {
    await switchOff(db.pool, [claimOnce]);
    expect(await payAgain()).toEqual({ said: 'PAYMENT_IN_PROGRESS', debits: 1 });
  });

  test('is turned away by the route when the order is not PAYING', async () => {
    await switchOff(db.pool, neverPaying);
    expect(await payAgain()).toEqual({ said: 'PAYMENT_IN_PROGRESS', debits: 1 });
  });

  test('takes the money a second time when there is neither', async () => {
    await switchOff(db.pool, [claimOnce, ...neverPaying]);
    expect(await payAgain()).toEqual({ said: 'paid', debits: 2 });
  });
});

describe('who asks for a payment while it is under way', () => {
  /** What one is told after each boundary and each undo of a payment that the pivot refuses. */
  async function told(): Promise<string[]> {
    const { order, saga } = await doomed();
    const heard: string[] = [];
    const ask = async () => {
      const row = await readPayment(db.pool, order.id);
      heard.push(`${row?.status}${typeof row?.paymentId === 'number' ? ' with a payment' : ''}`);
    };
    await ask();
    let one: readonly Saga[] = [saga];
    for (let i = 0; i <= PAYMENT; i++) {
      const [out] = await doors(db.pool).run(i, one);
      if (out?.outcome === 'ok') one = [{ ...saga, facts: out.facts }];
      await ask();
    }
    await undoAll(one[0] as Saga, PAYMENT);
    await ask();
    return heard;
  }

  test('hears PAYING until it is final, never PAID of a payment that is refused in the end', async () => {
    expect(await told()).toEqual(['PENDING', 'PAYING', 'PAYING', 'PAYING', 'PAYING', 'PAYMENT_FAILED']);
  });

  test('hears PAID, and then a refusal, when the first boundary says what only the pivot may', async () => {
    await switchOff(db.pool, [
      {
        file: 'domain/order/validate-order.sql',
        from: `set status = 'PAYING', engine`,
        to: `set status = 'PAID', engine`,
      },
      { file: 'domain/order/validate-order.sql', from: `and o.status = 'PAYING'`, to: `and o.status = 'PAID'` },
      { file: 'domain/payment/create-payment.sql', from: `o.status = 'PAYING'`, to: `o.status = 'PAID'` },
    ]);
    expect(await told()).toEqual(['PENDING', 'PAID', 'PAID', 'PAID', 'PAID', 'PAYMENT_FAILED']);
  });
});

describe('the outside', () => {
  const deliveries = async () => (await db.pool.query(`select from external_event_log`)).length;

  async function heardOfARefused(): Promise<number> {
    const { saga } = await doomed();
    const [passed] = (await doors(db.pool).pass([saga], PAYMENT)) as [Saga];
    const [out] = await doors(db.pool).run(PAYMENT, [passed]);
    expect(out?.outcome).toBe('refused');
    await undoAll(passed, PAYMENT);
    return deliveries();
  }

  test('hears of a payment in the pivot’s transaction and not before, and of a refused one never', async () => {
    const [saga] = (await accept(db.pool, [await shop(db.pool).payable()])) as [Saga];
    const [passed] = (await doors(db.pool).pass([saga], PAYMENT)) as [Saga];
    expect(await deliveries()).toBe(0);
    expect((await doors(db.pool).run(PAYMENT, [passed]))[0]?.outcome).toBe('ok');
    const paid = await deliveries();
    expect(paid).toBeGreaterThan(0);
    expect((await heardOfARefused()) - paid).toBe(0);
    expect(await brokenInvariants()).toEqual([]);
  });

  test('hears of a payment that is taken back when it is told before the pivot, and the verifier says so', async () => {
    await switchOff(db.pool, [
      {
        file: 'domain/product/confirm-stock.sql',
        from: `select product_id, order_id, 'CONFIRM', qty from fit order by n\n  )`,
        to: `select product_id, order_id, 'CONFIRM', qty from fit order by n
  ), told as (
    insert into external_event_log (order_id, event_type, target_system, event_data)
    select distinct f.order_id, r.event_type, r.target_system, '{}'::jsonb from fit f join delivery_route r on r.event_type = 'payment.completed'
  )`,
      },
    ]);
    expect(await heardOfARefused()).toBeGreaterThan(0);
    expect(await brokenInvariants()).toContain('X1');
  });
});

describe('what is not protected', () => {
  test('money that comes back is not there meanwhile: another payment of the user may be refused for it', async () => {
    const { user, product, order } = shop(db.pool);
    const [userId, productId] = [await user({ balance: 1_000 }), await product({ price: 800 })];
    const [first, second] = [
      await order({ userId, lines: [{ productId, qty: 1 }] }),
      await order({ userId, lines: [{ productId, qty: 1 }] }),
    ];
    const [one, two] = (await doors(db.pool).pass(await accept(db.pool, [first, second]), 1)) as [Saga, Saga];
    await doors(db.pool).run(BALANCE, [one]);
    expect(await doors(db.pool).run(BALANCE, [two])).toMatchObject([
      { outcome: 'refused', code: 'BALANCE_INSUFFICIENT' },
    ]);
    await turnBack(db.pool, one.sagaId);
    await undoAll(one, PAYMENT);
    await undoAll(two, PAYMENT);
    expect(await db.pool.query('select amount from balances where user_id = $1', [userId])).toEqual([
      { amount: 1_000 },
    ]);
    expect(await brokenInvariants()).toEqual([]);
  });
});
