import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { planOrders } from '../../bench/dataset/plan.ts';
import { runVerify } from '../../consistency/command.ts';
import {
  type FromEventsOptions,
  type FromEventsReport,
  verifyFromEvents,
} from '../../consistency/from-events/verify-from-events.ts';
import { rebuildUserPayments } from '../../eventdriven/projections/rebuild.ts';
import { databaseUrl, NotOursError } from '../../runtime/databases.ts';
import { everyEnd } from '../support/every-end.ts';
import { readUp } from '../support/read-up.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';
import { payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';
import { waitsForALock } from '../isolation/switched-off.ts';

const options = everyEnd(240);
const plans = [...planOrders(options)];
const signal = new AbortController().signal;

let database: FreshDatabase;
const rebuild = (from: FromEventsOptions = {}): Promise<FromEventsReport> => verifyFromEvents(database.url, from);
const wrong = ({ perInvariant }: FromEventsReport): Record<string, readonly string[]> =>
  Object.fromEntries(perInvariant.filter(({ violations }) => violations > 0).map(({ code, sample }) => [code, sample]));

/** What differs after the statements, whose effect is taken back by others. */
async function wrongAfter(change: string, back: string, from?: FromEventsOptions) {
  await database.pool.query(change);
  try {
    return wrong(await rebuild(from));
  } finally {
    await database.pool.query(back);
  }
}

beforeAll(async () => {
  database = await freshDatabase();
  await loadDataset(database.url, options);
  for (const plan of plans.slice(0, 60)) await payLean(database.pool, plan);
  await paySagas(database.pool, plans.slice(60, 130), 'orchestration');
  await paySagas(database.pool, plans.slice(130, 200), 'choreography');
  await readUp(database.pool, 50);
});
afterAll(() => database.drop());

describe('rebuilt from nothing', () => {
  test('orders, payments, balances, stocks and lists are what the tables say, after every kind of payment', async () => {
    const report = await rebuild();
    expect(wrong(report)).toEqual({});
    expect(report).toMatchObject({
      mode: 'from-events',
      violations: 0,
      rebuilt: true,
      checked: { orchestration: 70, choreography: 70 },
      score: { touched: 0, examined: 140 },
    });
    const examined = Object.fromEntries(report.perInvariant.map(({ code, examined }) => [code, examined]));
    const [row] = await database.pool.query<{ payments: number }>('select count(*) as payments from payments');
    expect(examined).toMatchObject({ F1: 140, F4: 60, F5: 12, F6: 0, F7: row!.payments });
    expect(examined['F2']).toBeGreaterThan(120); // all but those refused before the first event could say more
  });

  test('is right in every snapshot while payments are in work, and while sagas are open', async () => {
    const { pass } = doors(database.pool);
    const open = await pass(
      await accept(
        database.pool,
        plans.slice(200, 212).map(({ orderId, userId }) => ({ id: orderId, userId })),
      ),
      2,
    );
    expect(open.length).toBeGreaterThan(5);
    let paying = true;
    const work = (async () => {
      for (const plan of plans.slice(212, 220)) await payLean(database.pool, plan);
      await paySagas(database.pool, plans.slice(220, 232), 'choreography');
      paying = false;
    })();
    do expect(wrong(await rebuild())).toEqual({});
    while (paying);
    await work;
    await rebuildUserPayments(database.pool, signal);
    await readUp(database.pool, 1_000);
  });
});

describe('what differs is found', () => {
  // A paid and a refused order of a saga, by their place, and a user and a product with a ledger.
  const paid = `(select id from orders where engine = 'orchestration' and status = 'PAID' and user_coupon_id is not null order by id limit 1)`;
  const refused = `(select id from orders where engine = 'choreography' and status = 'STOCK_INSUFFICIENT' order by id limit 1)`;
  const event = (order: string, number: number): string =>
    `aggregate_id = 'order-' || ${order} and sequence_number = ${number}`;
  const patch = (order: string, number: number, json: string): string =>
    `update event_store set event_data = coalesce(event_data, '{}') || '${json}' where ${event(order, number)}`;
  const last = (order: string): string =>
    `aggregate_id = 'order-' || ${order} and sequence_number = (select max(sequence_number) from event_store where aggregate_id = 'order-' || ${order})`;
  const entry = `(select max(id) from balance_ledger)`;

  const mutants: [codes: string[], does: string, sql: string][] = [
    [['F1'], 'an event is gone', `delete from event_store where ${event(paid, 2)}`],
    [['F1'], 'the first event is gone', `delete from event_store where ${event(paid, 1)}`],
    [['F1', 'F3'], 'the last event is gone', `delete from event_store where ${last(paid)}`],
    [['F1'], 'the last event of a refusal is gone', `delete from event_store where ${last(refused)}`],
    [['F1', 'F3'], 'all events are gone', `delete from event_store where aggregate_id = 'order-' || ${paid}`],
    [
      ['F1'],
      'an event is added',
      `insert into event_store (aggregate_id, sequence_number, event_type) values ('order-' || ${paid}, 5, 'stock.released')`,
    ],
    [
      ['F1'],
      'an event of another kind is added',
      `insert into event_store (aggregate_id, sequence_number, event_type) values ('order-' || (select min(order_id) from saga_state where status = 'RUNNING'), 3, 'stock.confirmed')`,
    ],
    [
      ['F1'],
      'an event of nobody',
      `insert into event_store (aggregate_id, sequence_number, event_type) values ('order-none', 1, 'stock.confirmed')`,
    ],
    [
      ['F1'],
      'an event of an order that there is not',
      `insert into event_store (aggregate_id, sequence_number, event_type) values ('order-99999999', 1, 'stock.confirmed')`,
    ],
    [
      ['F1'],
      'an event is of no known type',
      `update event_store set event_type = 'stock.stolen' where ${event(paid, 3)}`,
    ],
    [
      ['F1'],
      'an undo became an action',
      `update event_store set event_type = 'balance.deducted' where ${last(refused)}`,
    ],
    [['F1'], 'an event lost its payload', `update event_store set event_data = null where ${last(paid)}`],
    [['F1'], 'a refusal says another code', patch(refused, 7, '{"code": "PAYMENT_FAILED"}')],
    [['F2', 'F3'], 'the first event says another user', patch(paid, 1, '{"userId": 999}')],
    [['F2'], 'the first event says another amount', patch(paid, 1, '{"due": 1}')],
    [['F2'], 'the first event says another discount', patch(paid, 1, '{"discount": 1}')],
    [['F2'], 'the first event says another coupon', patch(paid, 1, '{"couponId": null}')],
    [['F3'], 'the last event says another payment', patch(paid, 4, '{"paymentId": 999999}')],
    [['F3'], 'the last event says another amount', patch(paid, 4, '{"amount": 1}')],
    [
      ['F3'],
      'the last event was at another time',
      `update event_store set occurred_at = occurred_at - interval '1 s' where ${last(paid)}`,
    ],
    [['F1'], 'an order has another status', `update orders set status = 'PAYMENT_FAILED' where id = ${refused}`],
    [['F1'], 'an order has another refusal', `update orders set refusal_code = 'PAYMENT_FAILED' where id = ${refused}`],
    [['F1'], 'an order is gone', `delete from orders where id = ${paid}`],
    [['F2'], 'an order has another owner', `update orders set user_id = user_id + 1 where id = ${paid}`],
    [
      ['F2'],
      'an order has another final amount',
      `update orders set final_amount = final_amount + 1 where id = ${paid}`,
    ],
    [['F2'], 'an order has another total', `update orders set total_amount = total_amount + 1 where id = ${paid}`],
    [
      ['F2'],
      'an order has another discount',
      `update orders set discount_amount = discount_amount + 1 where id = ${paid}`,
    ],
    [['F2'], 'an order has another coupon', `update orders set user_coupon_id = null where id = ${paid}`],
    [
      ['F1'],
      'a saga’s order without events',
      `update orders set engine = 'choreography' where id = (select min(id) from orders where engine = 'legacy-lean' and status = 'PAID')`,
    ],
    [['F3', 'F7'], 'a payment has another amount', `update payments set amount = amount + 1 where order_id = ${paid}`],
    [
      ['F3', 'F7'],
      'a payment is of another user',
      `update payments set user_id = user_id + 1 where order_id = ${paid}`,
    ],
    [['F3', 'F7'], 'a payment has another number', `update payments set id = default where order_id = ${paid}`],
    [['F3', 'F7'], 'a payment is gone', `delete from payments where order_id = ${paid}`],
    [
      ['F3', 'F7'],
      'a refused order has a payment',
      `insert into payments (order_id, user_id, amount, engine, xid) values (${refused}, 1, 1, 'choreography', '3')`,
    ],
    [
      ['F4'],
      'a balance has another amount',
      `update balances set amount = amount + 1 where user_id = (select user_id from balance_ledger where id = ${entry})`,
    ],
    [
      ['F4'],
      'a balance has another version',
      `update balances set version = version + 1 where user_id = (select user_id from balance_ledger where id = ${entry})`,
    ],
    [
      ['F4'],
      'a balance is gone',
      `delete from balances where user_id = (select user_id from balance_ledger where id = ${entry})`,
    ],
    [['F4'], 'an entry has another amount', `update balance_ledger set amount = amount - 1 where id = ${entry}`],
    [
      ['F4'],
      'an entry says another balance',
      `update balance_ledger set balance_after = balance_after - 1 where id = ${entry}`,
    ],
    [['F4'], 'an entry is gone', `delete from balance_ledger where id = ${entry}`],
    [
      ['F4'],
      'an entry is there twice',
      `insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version) select user_id, order_id, kind, amount, balance_after, version from balance_ledger where id = ${entry}`,
    ],
    [['F5'], 'a stock has more available', `update stocks set available = available + 1 where product_id = 1`],
    [['F5'], 'a stock has more reserved', `update stocks set reserved = reserved + 1 where product_id = 1`],
    [['F5'], 'a stock is gone', `delete from stocks where product_id = 1`],
    [
      ['F5'],
      'a movement has another quantity',
      `update stock_ledger set qty = qty + 1 where id = (select max(id) from stock_ledger)`,
    ],
    [['F5'], 'a movement is gone', `delete from stock_ledger where id = (select max(id) from stock_ledger)`],
    [
      ['F5'],
      'a movement is of another kind',
      `update stock_ledger set kind = case kind when 'CONFIRM' then 'RELEASE' else 'CONFIRM' end where id = (select max(id) from stock_ledger)`,
    ],
    [
      ['F7'],
      'a payment is missing in the list',
      `delete from user_payment where payment_id = (select min(payment_id) from user_payment)`,
    ],
    [['F7'], 'a payment of nobody is in the list', `insert into user_payment values (1, 99999999, 1, 1, now())`],
    [
      ['F7'],
      'a payment is in two lists',
      `insert into user_payment select user_id + 1, payment_id, order_id, amount, paid_at from user_payment where payment_id = (select min(payment_id) from user_payment)`,
    ],
    [
      ['F7'],
      'a listed amount is another',
      `update user_payment set amount = amount + 1 where payment_id = (select min(payment_id) from user_payment)`,
    ],
    [
      ['F7'],
      'a listed time is another',
      `update user_payment set paid_at = now() where payment_id = (select max(payment_id) from user_payment)`,
    ],
  ];
  const tables = [
    'event_store',
    'orders',
    'payments',
    'balances',
    'balance_ledger',
    'stocks',
    'stock_ledger',
    'user_payment',
  ];

  beforeAll(async () => {
    for (const table of tables) await database.pool.query(`create table kept_${table} as select * from ${table}`);
  });
  /** Only what the statement changed is put back, so that all the mutants take seconds. */
  const putBack = tables
    .map(
      (table) => `
      delete from ${table} t where not exists (select from kept_${table} k where k::text = t::text);
      insert into ${table} overriding system value select * from kept_${table} k where not exists (select from ${table} t where t::text = k::text);`,
    )
    .join('\n');

  test('without a change nothing differs', async () => {
    expect(await wrongAfter('select', putBack)).toEqual({});
    expect(wrong(await rebuild())).toEqual({});
  });

  test('every rule but that of snapshots, which has its own tests, is broken by some change', () => {
    expect([...new Set(mutants.flatMap(([codes]) => codes))].sort()).toEqual(['F1', 'F2', 'F3', 'F4', 'F5', 'F7']);
  });

  test.each(mutants)('%j: %s', async (codes, _, sql) => {
    const found = await wrongAfter(sql, putBack);
    expect(Object.keys(found)).toEqual(codes);
    for (const code of codes) expect(found[code]).toHaveLength(1 + Number(code === 'F7' && /number/.test(_)));
  });

  test('and with all of them taken back nothing differs', async () => {
    expect(wrong(await rebuild())).toEqual({});
  });
});

describe('snapshots of balances', () => {
  let userId: number;
  /** A ledger of so many entries more. */
  const grow = (entries: number) =>
    database.pool.query(
      `with b as (select * from balances where user_id = $1), later as (
         insert into balance_ledger (user_id, kind, amount, balance_after, version)
         select user_id, 'TOPUP', n, amount + n * (n + 1) / 2, version + n from b, generate_series(1, $2::int) n)
       update balances set amount = amount + $2::bigint * ($2 + 1) / 2, version = version + $2 where user_id = $1`,
      [userId, entries],
    );
  const snapshots = () => database.pool.query('select user_id, amount, version from balance_snapshot order by user_id');
  const balance = () =>
    database.pool.query('select user_id, amount, version from balances where user_id = $1', [userId]);

  beforeAll(async () => {
    userId = await shop(database.pool).user({ balance: 1_000 });
    await grow(150);
  });

  test('are written of balances with a long ledger only, once, and agree with the fold from nothing', async () => {
    expect(await rebuild({ writeSnapshots: true })).toMatchObject({ snapshotsWritten: 1, violations: 0 });
    expect(await snapshots()).toEqual(await balance());
    expect(await rebuild({ writeSnapshots: true })).toMatchObject({ snapshotsWritten: 0, violations: 0 });
    await grow(20);
    const full = await rebuild();
    expect(full.perInvariant.find(({ code }) => code === 'F6')).toMatchObject({ examined: 1, violations: 0 });
    expect(wrong(await rebuild({ fromSnapshots: true }))).toEqual({});
    expect(await rebuild({ fromSnapshots: true, writeSnapshots: true })).toMatchObject({ snapshotsWritten: 0 });
    await grow(100);
    expect(await rebuild({ fromSnapshots: true, writeSnapshots: true })).toMatchObject({ snapshotsWritten: 1 });
    expect(await snapshots()).toEqual(await balance());
  });

  test('wherever it was taken, the fold from a snapshot ends where the fold from nothing does', async () => {
    const [row] = await database.pool.query<{ at: number; n: number }>(
      'select min(version) as at, count(*) as n from balance_ledger where user_id = $1',
      [userId],
    );
    for (let step = 0; step < row!.n; step += 13) {
      await database.pool.query(
        `update balance_snapshot s set version = l.version, amount = l.balance_after from balance_ledger l
         where l.user_id = $1 and l.version = $2 and s.user_id = l.user_id`,
        [userId, row!.at + step],
      );
      expect(wrong(await rebuild({ fromSnapshots: true }))).toEqual({});
    }
  });

  test('are begun at: what is wrong before one only the fold from nothing sees', async () => {
    const early = `(select min(id) + 5 from balance_ledger where user_id = ${userId})`;
    const change = (by: number) => `update balance_ledger set amount = amount + ${by} where id = ${early}`;
    expect(await wrongAfter(change(1), change(-1), { fromSnapshots: true })).toEqual({});
    expect(await wrongAfter(change(1), change(-1))).toHaveProperty('F4', [`balance ${userId}`]);
  });

  // 5 and 7: as if a fold of another version had written them, or another ledger been restored beneath them.
  test.each([
    ['another amount', 'amount = amount + 1'],
    ['another version', 'version = version - 5'],
    ['a version that never was', 'version = version + 1000000'],
    ['nothing of it right', 'version = 7, amount = -7'],
  ])('a wrong one (%s) is found and not begun at, and put right by writing it anew', async (_, change) => {
    const found = { F6: [`snapshot of balance ${userId}`] };
    for (const fromSnapshots of [false, true]) {
      await database.pool.query(`update balance_snapshot set ${change}`);
      expect(wrong(await rebuild({ fromSnapshots }))).toEqual(found);
      expect(wrong(await rebuild({ fromSnapshots, writeSnapshots: true }))).toEqual(found);
      expect(wrong(await rebuild())).toEqual({});
      expect(await snapshots()).toEqual(await balance());
    }
  });

  test('one of a balance that is not there any more is found', async () => {
    await database.pool.query('insert into balance_snapshot (user_id, version, amount) values (99999999, 3, 500)');
    for (const fromSnapshots of [false, true])
      expect(wrong(await rebuild({ fromSnapshots }))).toHaveProperty('F6', ['snapshot of balance 99999999']);
    await database.pool.query('delete from balance_snapshot where user_id = 99999999');
  });

  test('of a balance that is wrong none is written', async () => {
    await grow(120);
    await database.pool.query('update balances set amount = amount + 1 where user_id = $1', [userId]);
    const report = await rebuild({ writeSnapshots: true });
    await database.pool.query('update balances set amount = amount - 1 where user_id = $1', [userId]);
    expect([report.snapshotsWritten, wrong(report)]).toEqual([0, { F4: [`balance ${userId}`] }]);
  });
});

describe('npm run verify -- --from-events', () => {
  const run = async (url: string, ...argv: string[]) => {
    let [out, err] = ['', ''];
    const code = await runVerify(['--database-url', url, ...argv], {
      env: {},
      out: (text) => (out += text),
      err: (text) => (err += text),
    });
    return { code, out, err };
  };

  test('prints the verifier’s table and ends with 0', async () => {
    const { code, out } = await run(database.url, '--from-events', '--write-snapshots');
    expect(out).toMatch(/F1 +\d+ +0 {2}Status and refusal of an order/);
    expect(out).toMatch(/from-events, 7 invariants/);
    expect(out).toMatch(/wrote 1 snapshots/);
    expect(code).toBe(0);
  });

  test('ends with 1 and names ids when something differs; --json is one document; --record keeps it', async () => {
    await database.pool.query('update stocks set reserved = reserved + 1 where product_id = 1');
    const text = await run(database.url, '--from-events');
    const json = await run(database.url, '--from-events', '--json', '--record');
    await database.pool.query('update stocks set reserved = reserved - 1 where product_id = 1');
    expect([text.code, json.code]).toEqual([1, 1]);
    expect(text.out).toMatch(/F5 .*\n +! stock 1\n/);
    expect(JSON.parse(json.out)).toMatchObject({ mode: 'from-events', violations: 1 });
    expect(await database.pool.query(`select code from verification_finding`)).toEqual([{ code: 'F5' }]);
  });

  test('is never 0 when there was nothing to rebuild', async () => {
    const empty = await freshDatabase();
    const said = await run(empty.url, '--from-events');
    await empty.drop();
    expect(said).toMatchObject({ code: 3, err: expect.stringContaining('nothing examined') });
    const foreign = databaseUrl(database.url, 'postgres');
    expect(await run(foreign, '--from-events')).toMatchObject({ code: 3 });
    await expect(verifyFromEvents(foreign)).rejects.toBeInstanceOf(NotOursError);
  });

  test.each([
    [['--from-snapshots'], /--from-events/],
    [['--write-snapshots'], /--from-events/],
    [['--from-events', '--mode', 'live'], /cannot be used with/],
  ])('%j is wrong usage', async (argv, message) => {
    expect(await run(database.url, ...argv)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });

  test('an interrupt ends it', async () => {
    const stopped = AbortSignal.abort(new Error('stop'));
    await expect(rebuild({ signal: stopped })).rejects.toThrow('stop');
  });

  test('an interrupt ends it also while a statement waits', async () => {
    const interrupted = new AbortController();
    await database.pool.transaction(async (tx) => {
      await tx.query('lock table stocks in access exclusive mode');
      const [ended] = await Promise.allSettled([
        rebuild({ signal: interrupted.signal }),
        waitsForALock(database.pool, 'sagashift-verifier').then(() => interrupted.abort(new Error('stop'))),
      ]);
      expect(ended).toMatchObject({ status: 'rejected', reason: { message: 'stop' } });
    });
  });
});
