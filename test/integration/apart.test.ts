import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { domainTables, tablesEverywhere } from '../../consistency/apart/domain-databases.ts';
import { type Domain, domains, urlName } from '../../runtime/domain-urls.ts';
import { type ApartReport, verifyApart } from '../../consistency/apart/verify-apart.ts';
import { runVerify } from '../../consistency/command.ts';
import { invariants } from '../../consistency/invariants.ts';
import { cloneDatabase, databaseUrl, dropDatabase } from '../../runtime/databases.ts';
import { openPool, type Pool } from '../../runtime/database.ts';
import { paidOrders } from '../support/paid-orders.ts';
import { freshDatabase, testServices } from '../support/services.ts';

const { adminUrl, prefix } = testServices();
/** Which domains lie together: orders and sagas where DATABASE_URL says, balances alone, products and payments in a third. */
const homes = { home: ['ORDER', 'SAGA'], balance: ['BALANCE'], goods: ['PRODUCT', 'PAYMENT'] } as const;
type Home = keyof typeof homes;
const nameOf = (home: Home): string => `${prefix}_apart_${home}`;
const urlOf = (home: Home): string => databaseUrl(adminUrl, nameOf(home));
const env = Object.fromEntries(
  (['balance', 'goods'] as const).flatMap((home) => homes[home].map((domain) => [urlName(domain), urlOf(home)])),
);
const pools = new Map<Home, Pool>();
const homeOf = (domain: Domain): Home =>
  (Object.keys(homes) as Home[]).find((home) => (homes[home] as readonly Domain[]).includes(domain))!;
const in_ = (domain: Domain): Pool => pools.get(homeOf(domain))!;

/** What is not of its domains goes; of what each database has its own, a third stays. */
async function part(home: Home, n: number): Promise<void> {
  const others = domains.filter((domain) => homeOf(domain) !== home).flatMap((domain) => domainTables[domain]);
  const emptied = others.filter((table) => table !== 'sagashift_database');
  const marks = Object.entries({
    saga_step_execution: 'id',
    event_store: 'global_seq',
    external_event_log: 'event_id',
  });
  await pools
    .get(home)!
    .query(
      [
        ...emptied.map((table) => `delete from ${table}`),
        ...marks.map(([table, id]) => `delete from ${table} where ${id} % 3 <> ${n}`),
        ...(home === 'balance' ? [] : ['update sagashift_database set dataset = null']),
      ].join('; '),
    );
}

beforeAll(async () => {
  const whole = await freshDatabase();
  await paidOrders(whole.url, 400);
  await whole.pool.close();
  const source = decodeURIComponent(new URL(whole.url).pathname.slice(1));
  for (const [n, home] of (Object.keys(homes) as Home[]).entries()) {
    await cloneDatabase(adminUrl, source, nameOf(home));
    pools.set(home, openPool({ url: urlOf(home), size: 1, applicationName: 'test' }));
    await part(home, n);
  }
  await dropDatabase(adminUrl, source);
}, 60_000);
afterAll(async () => {
  for (const pool of pools.values()) await pool.close();
  for (const home of pools.keys()) await dropDatabase(adminUrl, nameOf(home));
});

const compare = (mode: 'live' | 'drained' = 'live'): Promise<ApartReport> =>
  verifyApart(urlOf('home'), env, { mode, settleMs: 0 });
const broken = ({ perInvariant }: ApartReport): Record<string, readonly string[]> =>
  Object.fromEntries(perInvariant.filter(({ violations }) => violations > 0).map(({ code, sample }) => [code, sample]));

/** What is found after a change in one database, which is taken back. */
async function brokenAfter(domain: Domain, change: string, back: string) {
  await in_(domain).query(change);
  try {
    return broken(await compare());
  } finally {
    await in_(domain).query(back);
  }
}

test('every table that an invariant reads is known to lie somewhere', () => {
  const known = [...domains.flatMap((domain) => domainTables[domain]), ...tablesEverywhere] as string[];
  const read = invariants.flatMap(({ checks }) => checks.flatMap(({ subject }) => subject.tables));
  expect([...new Set(read)].filter((table) => !known.includes(table))).toEqual([]);
});

describe('domains with a database each', () => {
  test.each(['live', 'drained'] as const)('%s: books in order are without violation, of every engine', async (mode) => {
    const report = await compare(mode);
    expect(broken(report)).toEqual({});
    expect(report).toMatchObject({ databases: 3, violations: 0, score: { touched: 0 } });
    expect(Object.keys(report.checked)).toEqual(
      expect.arrayContaining(['choreography', 'legacy', 'legacy-lean', 'orchestration']),
    );
  });

  test('what is said of an order is said of final ones: class T; a balance and a stock are judged in one snapshot', async () => {
    const classes = Object.fromEntries((await compare()).perInvariant.map((finding) => [finding.code, finding.class]));
    expect(classes).toMatchObject({ P4: 'T', B5: 'T', G2: 'T', B1: 'I', B3: 'I', S2: 'I' });
    expect(Object.values(classes)).not.toContain('Q');
  });

  const first = (table: string, of = 'true', id = 'id'): string =>
    `${id} = (select min(${id}) from ${table} where ${of})`;
  test.each<[Domain, string, string, string, string]>([
    ['BALANCE', 'B1', 'balances', 'amount', first('balances', 'true', 'user_id')],
    ['BALANCE', 'B7', 'balance_ledger', 'order_id', first('balance_ledger', `kind = 'DEBIT'`)],
    ['PAYMENT', 'P2', 'payments', 'amount', first('payments')],
    ['PRODUCT', 'S5', 'stock_ledger', 'qty', first('stock_ledger', `kind = 'CONFIRM'`)],
    ['ORDER', 'P2', 'orders', 'user_id', first('orders', `status = 'PAID'`)],
    [
      'SAGA',
      'G2',
      'saga_step_execution',
      'step_no',
      first('saga_step_execution', `op = 'EXECUTE' and status = 'SUCCESS'`),
    ],
  ])('a fault in the database of %s is found (%s)', async (domain, code, table, column, where) => {
    const change = (by: string): string => `update ${table} set ${column} = ${column} ${by} where ${where}`;
    expect(Object.keys(await brokenAfter(domain, change('+ 1'), change('- 1')))).toContain(code);
  });

  test('an order in work is left alone: half of it may be there', async () => {
    const [open] = await in_('ORDER').query<{ id: number; user_id: number }>(
      `update orders set status = 'PAYING', engine = 'orchestration' where id = (select max(id) from orders where status = 'PENDING') returning id, user_id`,
    );
    const debited = await brokenAfter(
      'BALANCE',
      `with b as (update balances set amount = amount - 7, version = version + 1 where user_id = ${open!.user_id} returning *)
       insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version) select user_id, ${open!.id}, 'DEBIT', -7, amount, version from b`,
      `with l as (delete from balance_ledger where order_id = ${open!.id})
       update balances set amount = amount + 7, version = version - 1 where user_id = ${open!.user_id}`,
    );
    expect(debited).toEqual({});
  });

  test('the orders are read first: what is final by then is all there in what is read later', async () => {
    const read: string[] = [];
    await verifyApart(urlOf('home'), env, {
      mode: 'live',
      settleMs: 0,
      onProgress: ({ subject }) => read.push(subject),
    });
    expect(read.slice(0, 3)).toEqual(
      ['ORDER, SAGA', 'BALANCE', 'PRODUCT, PAYMENT'].map((names) => `database of ${names}`),
    );
  });
});

describe('npm run verify with DATABASE_URL_ORDER and others', () => {
  const run = async (...argv: string[]) => {
    let [out, err] = ['', ''];
    const code = await runVerify(argv, {
      env: { ...env, DATABASE_URL: urlOf('home') },
      out: (text) => (out += text),
      err: (text) => (err += text),
    });
    return { code, out, err };
  };

  test('compares the databases, and says what that can prove', async () => {
    const { code, out } = await run('--settle', '0');
    expect(out).toMatch(/3 databases \(DATABASE_URL_BALANCE, .*final orders only/);
    expect(code).toBe(0);
  });

  test('ends with 1 and names ids when something differs', async () => {
    await in_('PAYMENT').query('update payments set amount = amount + 1 where id = 1');
    const { code, out } = await run('--settle', '0');
    await in_('PAYMENT').query('update payments set amount = amount - 1 where id = 1');
    expect([code, out]).toEqual([1, expect.stringMatching(/P2 .*\n +! payment 1\n/)]);
  });

  test('is never 0 when orders name an engine that nobody knows', async () => {
    const handmade = (from: string, to: string) =>
      in_('ORDER').query(
        `update orders set engine = $2 where id = (select min(id) from orders where engine = $1 and status = 'BALANCE_INSUFFICIENT')`,
        [from, to],
      );
    await handmade('legacy', 'handmade');
    const { code, out } = await run('--settle', '0');
    await handmade('handmade', 'legacy');
    expect([code, out]).toEqual([3, expect.stringContaining(`the engine 'handmade'`)]);
  });

  test.each([
    [['--settle', 'x'], /--settle/],
    [['--record'], /--record needs one database/],
    [['--from-events'], /--from-events looks at one database/],
  ])('%j is wrong usage', async (argv, message) => {
    expect(await run(...argv)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });

  test('an interrupt ends it, and leaves no session', async () => {
    const stop = new AbortController();
    const stopped = verifyApart(urlOf('home'), env, {
      mode: 'live',
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('stop')),
    });
    await expect(stopped).rejects.toThrow('stop');
    const sessions = `select count(*)::int as n from pg_stat_activity where application_name = 'sagashift-verifier' and datname like '${prefix}_apart_%'`;
    for (let n = 1; n > 0;) n = (await in_('ORDER').query<{ n: number }>(sessions))[0]!.n;
  });
});
