import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { planOrders } from '../../bench/dataset/plan.ts';
import { runVerify } from '../../consistency/command.ts';
import { invariants } from '../../consistency/invariants.ts';
import { breakAndAsk } from '../../consistency/self-test/break-and-ask.ts';
import { type VerificationReport, verify } from '../../consistency/verifier.ts';
import { databaseUrl, NotOursError } from '../../runtime/databases.ts';
import { everyEnd, payEach } from '../support/every-end.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';
import { type Paid, payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';

const options = everyEnd(300);
const plans = [...planOrders(options)];

let database: FreshDatabase;
let outcomes: Paid[];
let fresh: VerificationReport;

const broken = ({ perInvariant }: Pick<VerificationReport, 'perInvariant'>): object =>
  Object.fromEntries(perInvariant.filter(({ violations }) => violations > 0).map(({ code, sample }) => [code, sample]));

beforeAll(async () => {
  database = await freshDatabase();
  await loadDataset(database.url, options);
  fresh = await verify(database.url, { mode: 'drained' });
  outcomes = await payEach(database.pool, plans, 90);
  await database.pool.query(`update external_event_log set status = 'SENT'`);
});
afterAll(() => database.drop());

describe('a database whose books are in order', () => {
  test('is without violation when freshly loaded, the past included', () => {
    expect(broken(fresh)).toEqual({});
    expect(Object.keys(fresh.checked)).toEqual(['history']);
  });

  test('is without violation after every kind of payment by one transaction and by sagas', async () => {
    const report = await verify(database.url, {
      mode: 'drained',
      expectEngines: ['legacy-lean', 'orchestration', 'choreography'],
    });
    expect(broken(report)).toEqual({});
    expect(report.checked).toMatchObject({ 'legacy-lean': 90, orchestration: 90, choreography: 90 });
    expect(report.unexamined).toEqual([]);
    expect(report.perInvariant.filter(({ examined }) => examined === 0)).toEqual([]);
    expect(report.score).toMatchObject({ touched: 0, examined: 270 });
  });

  test('every payment ended as it was planned', () => {
    const ended = new Map(outcomes.map((paid) => [paid.orderId, paid.outcome === 'paid' ? 'PAID' : paid.code]));
    expect(plans.slice(0, 270).map(({ orderId }) => ended.get(orderId))).toEqual(
      plans.slice(0, 270).map((plan) => plan.expect),
    );
    expect(new Set(ended.values()).size).toBe(5);
  });

  test('stays without violation in every snapshot while payments are in work', async () => {
    let paying = true;
    const work = (async () => {
      for (const plan of plans.slice(270, 285)) await payLean(database.pool, plan);
      await paySagas(database.pool, plans.slice(285, 290), 'orchestration');
      paying = false;
    })();
    while (paying) expect(broken(await verify(database.url, { mode: 'live' }))).toEqual({});
    await work;
    await database.pool.query(`update external_event_log set status = 'SENT'`);
  });
});

describe('delivery routes', () => {
  test('that are added, or taken away, are no fault of the payments there were', async () => {
    const added = `insert into delivery_route (event_type, target_system) values ('order.completed', 'inventory')`;
    const { broken: fired } = await breakAndAsk(
      database.pool,
      `${added}; delete from delivery_route where target_system = 'data-platform'`,
      invariants,
    );
    expect(fired).toEqual([]);
  });
});

describe('the report', () => {
  test('names ids of what is broken and how many orders it touches; class Q is no concern of a live pass', async () => {
    const [row] = await database.pool.query<{ id: number; order_id: number; user_id: number; amount: number }>(
      `delete from payments where id = (select min(id) from payments where engine = 'legacy-lean') returning id, order_id, user_id, amount`,
    );
    const report = await verify(database.url, { mode: 'live' });
    await database.pool.query(
      `insert into payments (id, order_id, user_id, amount, engine) overriding system value values ($1, $2, $3, $4, 'legacy-lean')`,
      [row!.id, row!.order_id, row!.user_id, row!.amount],
    );
    expect(broken(report)).toMatchObject({ P4: [`order ${row!.order_id}`] });
    expect(report.score.touched).toBe(1);
    expect(report.perInvariant.map(({ code }) => code)).not.toContain('P7');
  });

  test('an engine that was expected and did nothing is unexamined', async () => {
    expect((await verify(database.url, { mode: 'live', expectEngines: ['legacy', 'history'] })).unexamined).toEqual([
      'legacy',
    ]);
  });

  test('a user who may only read can verify', async () => {
    const role = `reader_${Date.now()}`;
    await database.pool.query(`create role ${role} login password 'reader' in role pg_read_all_data`);
    try {
      const url = new URL(database.url);
      url.username = role;
      url.password = 'reader';
      expect(broken(await verify(url.href, { mode: 'live' }))).toEqual({});
    } finally {
      await database.pool.query(`drop role ${role}`);
    }
  });

  test('progress counts every subject, and an interrupt ends the pass', async () => {
    const seen: number[] = [];
    await verify(database.url, { mode: 'live', onProgress: ({ done, of }) => seen.push(done / of) });
    expect(seen.at(-1)).toBe(1);
    await expect(verify(database.url, { mode: 'live', signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow(
      'stop',
    );
  });

  test('a database that is not ours is refused', async () => {
    await expect(verify(databaseUrl(database.url, 'postgres'), { mode: 'live' })).rejects.toBeInstanceOf(NotOursError);
  });
});

describe('npm run verify', () => {
  const run = async (
    argv: string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number; out: string; err: string }> => {
    let [out, err] = ['', ''];
    const code = await runVerify(argv, { env, out: (text) => (out += text), err: (text) => (err += text) });
    return { code, out, err };
  };

  test('prints a table and ends with 0 when every invariant holds', async () => {
    const { code, out } = await run(['--database-url', database.url, '--mode', 'drained']);
    expect(out).toMatch(/B1 +60 +0 {2}A balance is the sum of its ledger\./);
    expect(out).toMatch(/0 of 290 orders touched by a violation: at least 98\.97\d\d %/);
    expect(code).toBe(0);
  });

  test('ends with 1 and names ids when one is broken, and keeps the finding when asked to', async () => {
    await database.pool.query(
      `update external_event_log set status = 'PENDING' where event_id = (select min(event_id) from external_event_log)`,
    );
    const { code, out } = await run(['--database-url', database.url, '--mode', 'drained', '--record', '--json']);
    const text = (await run(['--database-url', database.url, '--mode', 'drained'])).out;
    await database.pool.query(`update external_event_log set status = 'SENT'`);
    expect(code).toBe(1);
    expect((JSON.parse(out) as VerificationReport).violations).toBe(1);
    expect(text).toMatch(/X2 .*\n +! delivery \d+\n/);
    expect(await database.pool.query('select code, violations from verification_finding')).toEqual([
      { code: 'X2', violations: 1 },
    ]);
  });

  test.each([
    [2, [], {}, /DATABASE_URL/],
    [2, ['--offline'], {}, /unknown option '--offline'/],
    [2, ['--patience', 'long'], { DATABASE_URL: 'postgres://127.0.0.1:1/none' }, /--patience: whole seconds/],
    [2, ['--mode', 'sometimes'], {}, /Allowed choices are live, drained/],
    [2, ['--database-url', 'mysql://x'], {}, /like postgres:/],
    [2, ['live'], {}, /too many arguments/],
    [4, [], { DATABASE_URL: 'postgres://postgres@127.0.0.1:1/none' }, /ECONNREFUSED/],
  ])('ends with %d for %j', async (expected, argv, env, message) => {
    const { code, err } = await run(argv, env);
    expect(err).toMatch(message);
    expect(code).toBe(expected);
  });

  test('ends with 3 when there is nothing to examine or the database is not ours', async () => {
    const empty = await freshDatabase();
    const said = await run(['--database-url', empty.url]);
    await empty.drop();
    expect(said).toMatchObject({ code: 3, err: expect.stringContaining('nothing examined') });
    const foreign = databaseUrl(database.url, 'postgres');
    expect(await run(['--database-url', foreign])).toMatchObject({
      code: 3,
      err: expect.stringContaining('not one of ours'),
    });
  });

  test('prints help', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('--mode <mode>') });
  });
});
