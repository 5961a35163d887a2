import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import { addTopUp } from '../../router/top-up-sql.ts';
import type { Config } from '../../runtime/config.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';
import { openSession } from '../support/sessions.ts';
import { type EnginesAtOnce, startEngines } from './engines-at-once.ts';
import { waitsForALock } from './switched-off.ts';

/**
 * A batch that fails with 40001 or 40P01 is sent again in place, ten times at most, and counted. Then, and after any other
 * fault at once, its payments go to the rescuer. None of this refuses a payment.
 */
const inPlace = 10;

let db: FreshDatabase;
let engines: EnginesAtOnce;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(async () => {
  await engines.stop();
  await db.drop();
});

const styles = ['orchestration', 'choreography'] as const;
const start = async (style: (typeof styles)[number], isolation: Config['isolation'] = 'minimal') => {
  const saga = {
    deadlineMs: 60_000,
    receiptRetentionMs: 1e9,
    backoff: { firstMs: 1, longestMs: 1, attentionAfter: 3 },
  };
  engines = await startEngines(db.url, [style], { isolation, saga });
};

/** The balance step of every payment fails with this SQLSTATE so many times. A sequence counts: it does not forget what rolls back. */
const failing = (sqlstate: string, times: number) =>
  db.pool.query(`
    create sequence tries;
    create function fail() returns trigger language plpgsql as $$ begin
      if nextval('tries') <= ${times} then raise exception 'out of order' using errcode = '${sqlstate}'; end if;
      return new;
    end $$;
    create trigger failing before insert on balance_ledger for each row when (new.kind = 'DEBIT') execute function fail()`);

async function payOne(style: (typeof styles)[number]) {
  const order = await shop(db.pool).payable();
  const end = await engines.pay(style, order);
  const [saga] = await db.pool.query<{ epoch: number; last_error: string | null }>(
    'select epoch, last_error from saga_state where order_id = $1',
    [order.id],
  );
  const [{ tries } = { tries: -1 }] = await db.pool.query<{ tries: number }>('select last_value as tries from tries');
  return {
    kind: end.kind,
    tries,
    retries: await engines.retries(),
    rescued: (saga?.epoch ?? 0) > 1,
    fault: saga?.last_error,
  };
}

describe.each(styles)('in the %s', (style) => {
  test.each(['40001', '40P01'])('%s is tried again in place, and the rescuer has nothing to do', async (sqlstate) => {
    await start(style);
    await failing(sqlstate, 3);
    expect(await payOne(style)).toEqual({
      ...{ kind: 'paid', tries: 4, retries: { [sqlstate]: 3 }, rescued: false, fault: null },
    });
  });

  test('after ten tries the batch is given back to the rescuer, and the payment is paid by another ten', async () => {
    await start(style);
    await failing('40001', inPlace + 4);
    expect(await payOne(style)).toEqual({
      ...{
        kind: 'paid',
        tries: inPlace + 5,
        retries: { '40001': inPlace - 1 + 4 },
        rescued: true,
        fault: 'out of order',
      },
    });
  });

  test('another fault is not tried in place: the rescuer has it', async () => {
    await start(style);
    await failing('53200', 2); // out of memory
    expect(await payOne(style)).toEqual({
      ...{ kind: 'paid', tries: 3, retries: {}, rescued: true, fault: 'out of order' },
    });
  });

  test('under seed a payment that waited for a row fails with 40001 when its holder commits, and is tried again', async () => {
    await start(style, 'seed');
    const order = await shop(db.pool).payable({ balance: 5_000, price: 1_000 });
    const t1 = await openSession(db.url, db.pool, 'read committed');
    await t1.begin();
    await addTopUp(t1, 'one', order.userId, 500);
    const paid = engines.pay(style, order);
    await waitsForALock(db.pool, `sagashift ${style} deductBalance contended`);
    await t1.commit();
    expect((await paid).kind).toBe('paid');
    await t1.close();
    expect(await engines.retries()).toEqual({ '40001': 1 });
    expect(await db.pool.query('select amount from balances where user_id = $1', [order.userId])).toEqual([
      { amount: 4_500 },
    ]);
    expect((await verify(db.url, { mode: 'live' })).violations).toBe(0);
  });
});
