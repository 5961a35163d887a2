import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { rescueSagas } from '../../eventdriven/saga/rescue-sql.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';
import { switchOff } from './switched-off.ts';

/**
 * Fuzzy read: a boundary reads again what an earlier one has read, and it is another now. Countermeasure: the first boundary
 * pins what is due and what for; all others, the undos and whoever rescues the saga work from that.
 */
const [BALANCE, STOCK, PAYMENT] = [1, 2, 3];

let db: FreshDatabase;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.drop());

/** Every boundary after the first goes by today's prices and discounts. */
const readAgain = `
create function read_again(p payment_facts[]) returns payment_facts[] language sql as $$
  select array_agg(row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id, i.worth - coalesce(c.discount, 0), f.discount, f.products, f.qtys,
    f.payment_id, f.code)::payment_facts)
  from unnest(p) f
  cross join lateral (select sum(y.qty * g.price)::bigint as worth from order_items y join products g on g.id = y.product_id where y.order_id = f.order_id) i
  left join lateral (select x.discount from user_coupons u join coupons x on x.id = u.coupon_id where u.id = f.coupon_id) c on true
$$;`;
const pinned = 'if boundary_no = 1 then mine := load_facts(mine); end if;';
const notPinned = [
  {
    file: 'eventdriven/saga/run-boundary.sql',
    from: pinned,
    to: 'if boundary_no = 1 then mine := load_facts(mine); else mine := read_again(mine); end if;',
  },
];

/** An order of 1000 with a coupon of 100, whose user, coupon and product are known. */
async function begun(balance = 10_000) {
  const { user, product, coupon, order } = shop(db.pool);
  const [userId, productId] = [await user({ balance }), await product({ price: 1_000 })];
  const couponId = await coupon({ userId, discount: 100 });
  const placed = await order({ userId, lines: [{ productId, qty: 1 }] });
  const [saga] = (await doors(db.pool).pass(await accept(db.pool, [{ ...placed, couponId }]), BALANCE)) as [Saga];
  return { saga, order: placed, productId };
}
type Begun = Awaited<ReturnType<typeof begun>>;

const changes: Readonly<Record<string, (begun: Begun) => Promise<unknown>>> = {
  'the price': ({ productId }) => db.pool.query('update products set price = 5000 where id = $1', [productId]),
  'the discount': ({ saga }) =>
    db.pool.query('update coupons c set discount = 900 from user_coupons u where u.coupon_id = c.id and u.id = $1', [
      saga.couponId,
    ]),
};

async function recorded({ order }: Begun) {
  const [row] = await db.pool.query(
    `select o.final_amount as due, -l.amount as debited, p.amount as paid from orders o
     left join balance_ledger l on l.order_id = o.id and l.kind = 'DEBIT' left join payments p on p.order_id = o.id where o.id = $1`,
    [order.id],
  );
  return row;
}

/** Changes between the debit and the pivot. */
async function payWhile(change: (begun: Begun) => Promise<unknown>) {
  const one = await begun();
  let sagas: readonly Saga[] = [one.saga];
  for (const boundary of [BALANCE, STOCK, PAYMENT]) {
    const [out] = await doors(db.pool).run(boundary, sagas);
    if (out?.outcome === 'ok') sagas = [{ ...one.saga, facts: out.facts }];
    if (boundary === BALANCE) await change(one);
  }
  return recorded(one);
}

describe.each(Object.entries(changes))('%s changes between two boundaries', (_what, change) => {
  test('the payment goes by what the first has pinned', async () => {
    expect(await payWhile(change)).toEqual({ due: 900, debited: 900, paid: 900 });
  });

  test('money taken and payment made are not the same when each boundary reads again', async () => {
    await db.pool.query(readAgain);
    await switchOff(db.pool, notPinned);
    const { due, debited, paid } = (await payWhile(change)) as { due: number; debited: number; paid: number };
    expect({ due, debited }).toEqual({ due: 900, debited: 900 });
    expect(paid).not.toBe(debited);
  });

  test('the refund is what was debited', async () => {
    const one = await begun();
    const [out] = await doors(db.pool).run(BALANCE, [one.saga]);
    if (out?.outcome !== 'ok') throw new Error('the debit did not pass');
    await change(one);
    await db.pool.query(
      `update saga_state set status = 'COMPENSATING', failure_code = 'PAYMENT_FAILED' where saga_id = $1`,
      [one.saga.sagaId],
    );
    await doors(db.pool).undo(BALANCE, [{ ...one.saga, facts: out.facts }]);
    expect(await db.pool.query('select amount from balances where user_id = $1', [one.saga.userId])).toEqual([
      { amount: 10_000 },
    ]);
  });

  test('who rescues the saga goes on with what was pinned', async () => {
    const one = await begun();
    await change(one);
    await db.pool.query(`update saga_state set owner = 'dead'`);
    const [rescued] = await rescueSagas(db.pool, {
      ...{ engine: 'orchestration', worker: 'w2', versions: [1], active: [], maxCount: 10, silentMs: 0, unownedMs: 0 },
    });
    expect(rescued?.saga.facts).toMatchObject({ due: 900, discount: 100 });
    const { run } = doors(db.pool, { worker: 'w2' });
    expect(await run(BALANCE, [rescued?.saga as Saga])).toMatchObject([{ outcome: 'ok' }]);
    expect(await recorded(one)).toMatchObject({ due: 900, debited: 900 });
  });
});
