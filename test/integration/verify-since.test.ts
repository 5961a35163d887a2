import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runVerify } from '../../consistency/command.ts';
import type { SinceReport } from '../../consistency/since/verify-since.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';
import { paidOrders } from '../support/paid-orders.ts';

/** 300 orders over the last thirty days; those that the last day touched are a few. */
let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await paidOrders(database.url, 300);
  // As they would be after thirty days: written one after the other, not all in one transaction.
  await database.pool.query(`
    update orders set xid = (2000 + id)::text::xid8;
    update balance_ledger set xid = (2000 + coalesce(order_id, 0))::text::xid8;
    update stock_ledger set xid = (2000 + coalesce(order_id, 0))::text::xid8;
    update payments set xid = (2000 + order_id)::text::xid8;
    update event_store set xid = (2000 + substr(aggregate_id, 7)::bigint)::text::xid8`);
});
afterAll(() => database.drop());

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const io = { env: {}, out: (text: string) => (out += text), err: (text: string) => (err += text) };
  return { code: await runVerify(['--database-url', database.url, ...argv], io), out, err };
}
const reportOf = ({ out }: { out: string }): SinceReport => JSON.parse(out) as SinceReport;

describe('npm run verify -- --since', () => {
  test('examines what was touched since, and says how much of all that is', async () => {
    const { code, out } = await run('--since', '24h');
    expect(code).toBe(0);
    const [, touched, all] = /^(\d+) of (\d+) orders were touched since \d{4}-/.exec(out) ?? [];
    expect(Number(all)).toBe(306);
    expect(Number(touched)).toBeGreaterThan(5);
    expect(Number(touched)).toBeLessThan(40);
    const report = reportOf(await run('--since', '24h', '--json'));
    expect(report).toMatchObject({ mode: 'since', violations: 0, orders: { touched: Number(touched), of: 306 } });
    expect(report.perInvariant.find(({ code: each }) => each === 'P4')?.examined).toBe(Number(touched));
  });

  test('sees what is broken in that time, also by a change that only the order’s xid tells of, and not what is older', async () => {
    const [{ id } = { id: 0 }] = await database.pool.query<{ id: number }>(
      `select min(order_id) as id from payments where engine = 'orchestration'`,
    );
    const debitMore = (won: number) =>
      database.pool.query(`update balance_ledger set amount = amount - $1 where kind = 'DEBIT' and order_id = $2`, [
        won,
        id,
      ]);
    const seen = async (): Promise<readonly string[] | undefined> =>
      reportOf(await run('--since', '24h', '--json')).perInvariant.find(({ code }) => code === 'B7')?.sample;
    await debitMore(1);
    expect(await seen()).toEqual([]);
    expect((await run('--since', '60d')).code).toBe(1);
    await database.pool.query(`update orders set xid = '5000' where id = $1`, [id]);
    expect(await seen()).toEqual([`money of an order ${id}`]);
    await debitMore(-1);
  });

  test('keeps its result when asked to', async () => {
    await run('--since', '24h', '--record');
    expect(await database.pool.query('select mode from verification_run')).toEqual([{ mode: 'since' }]);
  });

  test.each([
    [2, ['--since', 'yesterday'], /is no moment/],
    [2, ['--since', '2999-01-01'], /is in the future/],
    [2, ['--since', '24h', '--online'], /cannot be used with/],
    [3, ['--since', '0s'], /no order was touched since/],
  ])('ends with %d for %j', async (expected, argv, message) => {
    if (expected === 3)
      await database.pool.query(
        `update orders set created_at = created_at - interval '1 day'; delete from external_event_log`,
      );
    const { code, err } = await run(...argv);
    expect(err).toMatch(message);
    expect(code).toBe(expected);
  });
});

describe('npm run verify -- --online', () => {
  test('prints a line per cycle, findings at once, and ends with 1 when there was one', async () => {
    const { code, out } = await run('--online', '--every', '0.1', '--for', '0.5');
    expect(code).toBe(0);
    expect(out).toMatch(/^from now on: ledgers of 200 users and 50 products folded and checked/);
    expect(out).toMatch(
      /\n\d\d:\d\d:\d\d +0 orders, \d+ users, \d+ products? in \d+ ms, 0 violations; in flight 0 won, 0 in stock, 0 sagas\n/,
    );
    await database.pool.query('update balances set amount = amount + 1 where user_id = 1');
    const broken = await run('--online', '--every', '0.1', '--for', '0.3', '--json');
    const lines = broken.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; findings?: { code: string; ids: string[] }[] });
    expect(lines[0]).toMatchObject({ kind: 'started', findings: [{ code: 'B1', ids: ['1'] }, { code: 'B4' }] });
    expect(lines.at(-1)).toMatchObject({ kind: 'cycle', inFlight: { sagas: 0, moneyWon: 0, stock: 0 } });
    expect(broken.code).toBe(1);
    await database.pool.query('update balances set amount = amount - 1 where user_id = 1');
  });

  test('ends cleanly when interrupted', async () => {
    const interrupted = new AbortController();
    const io = {
      env: {},
      err: () => undefined,
      out: (text: string) => {
        if (/ in flight /.test(text)) interrupted.abort(new Error('interrupted'));
      },
      signal: interrupted.signal,
    };
    expect(await runVerify(['--database-url', database.url, '--online'], io)).toBe(0);
  });

  test.each([
    [2, ['--online', '--every', 'often'], /takes seconds/],
    [2, ['--online', '--record'], /cannot be used with --online/],
    [2, ['--every', '5'], /--every is for --online/],
  ])('ends with %d for %j', async (expected, argv, message) => {
    const { code, err } = await run(...argv);
    expect(err).toMatch(message);
    expect(code).toBe(expected);
  });
});
