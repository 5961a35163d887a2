import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import type { Invariant } from '../../consistency/catalogue/invariant.ts';
import { runVerify } from '../../consistency/command.ts';
import { invariants } from '../../consistency/invariants.ts';
import { mutants } from '../../consistency/mutants.ts';
import { breachesIn } from '../../consistency/repair/find.ts';
import { settle } from '../../consistency/repair/settle.ts';
import { verify } from '../../consistency/verifier.ts';
import { smallWorld } from '../support/small-world.ts';
import { openSession } from '../support/sessions.ts';
import type { Verified } from '../support/verify-command.ts';

const world = smallWorld();
const never = new AbortController().signal;
const by = { actor: 'somchai', command: 'verify --repair', reason: 'ticket 4711' };

const mutantNamed = (does: string) => mutants.find((mutant) => mutant.does === does)!;

async function repair(...argv: string[]): Promise<Verified> {
  let [out, err] = ['', ''];
  const io = { env: { DATABASE_URL: world.db.url, USER: 'somchai' }, signal: never };
  const code = await runVerify(['--repair', ...argv], {
    ...io,
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { code, out, err };
}

const actions = (): Promise<
  { actor: string; command: string; subject: string; reason: string; before: object; after: object }[]
> => world.db.pool.query('select actor, command, subject, reason, before, after from operator_action order by id');
const entries = (): Promise<{ kind: string; amount: number; balance_after: number; version: number }[]> =>
  world.db.pool.query('select kind, amount, balance_after, version from balance_ledger order by id desc limit 2');
const counts = async (): Promise<object> =>
  (
    await world.db.pool.query<object>(
      `select (select count(*) from balance_ledger) as entries, (select count(*) from stock_ledger) as movements, (select sum(amount) from balances) as won,
       (select sum(available) from stocks) as available, (select sum(reserved) from stocks) as reserved`,
    )
  )[0]!;
const violations = async (): Promise<number> => (await verify(world.db.url, { mode: 'drained' })).violations;

describe('npm run verify -- --repair', () => {
  afterEach(async () => {
    expect(await violations()).toBe(0);
    await world.db.pool.query('truncate operator_action');
  });

  test('has nothing to say where nothing is broken', async () => {
    expect(await repair()).toEqual({ code: 0, out: 'nothing is broken: nothing to repair\n', err: '' });
  });

  test('a double debit: proposes, changes nothing; applied with a reason it is taken back, once, and kept', async () => {
    await world.db.pool.query(mutantNamed('a redelivered step debits again').sql);
    const [broken, debits] = [await counts(), await entries()];
    const dry = await repair('--codes', 'b5');
    expect(dry.code).toBe(1);
    expect(dry.out).toMatch(
      /^B5:17 {2}\(money of an order 17\)\n {2}counter-debit: give 11000 won back to user 7 .* entry \d+\n/,
    );
    expect(dry.out).toMatch(/npm run verify -- --repair --apply B5:17 --reason '...'\n/);
    expect(dry.out).toMatch(/1 findings: 1 can be repaired, 0 can't by this command\nnothing was changed/);
    expect([await counts(), await actions()]).toEqual([broken, []]);

    const done = await repair('--apply', 'B5:17', '--reason', ' ticket 4711 ');
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(done.out).toMatch(
      /^B5:17 {2}done: give 11000 won back.*\ndone 1, gone 0, unsafe 0, failed 0\nverified again: what was touched is in order\n$/,
    );
    const [counter, wrong] = await entries();
    expect([wrong]).toEqual(debits.slice(0, 1));
    expect(counter).toEqual({
      kind: 'REFUND',
      amount: 11_000,
      balance_after: wrong!.balance_after + 11_000,
      version: wrong!.version + 1,
    });
    const [action] = await actions();
    expect(action).toMatchObject({
      actor: 'somchai',
      command: 'verify --repair counter-debit',
      subject: 'order 17',
      reason: 'ticket 4711',
    });
    expect(action).toMatchObject({
      before: { 'balances 7': { amount: wrong!.balance_after } },
      after: { 'balances 7': { amount: counter!.balance_after } },
    });

    const rebuilt = await runVerify(['--from-events'], {
      env: { DATABASE_URL: world.db.url },
      out: () => undefined,
      err: () => undefined,
    });
    expect(rebuilt).toBe(0);

    const after = await counts();
    expect(await repair('--apply', 'B5:17', '--reason', 'again')).toMatchObject({
      code: 0,
      out: expect.stringContaining('not broken: nothing to do'),
    });
    expect([await counts(), await actions()]).toEqual([after, [action]]);
  });

  test('two people at once: a refund is made once', async () => {
    const whole = await counts();
    await world.db.pool.query(mutantNamed('a refund never happened, balance and ledger agreeing').sql);
    const both = await Promise.all(
      [1, 2].map((who) => repair('--apply', '--all', '--reason', 'same', '--by', `p${who}`, '--json')),
    );
    const outcomes = both.flatMap(({ out }) =>
      (JSON.parse(out) as { settled: { outcome: string }[] }).settled.map(({ outcome }) => outcome),
    );
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
    expect(outcomes.filter((outcome) => !['done', 'gone'].includes(outcome))).toEqual([]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect([await counts(), (await actions()).length]).toEqual([whole, 1]);
  });

  test('stock of a refused order comes back by ledger entries; what else named it is gone with it', async () => {
    const whole = await counts();
    await world.db.pool.query(mutantNamed('confirmed stock never came back, stock and ledger agreeing').sql);
    await world.db.pool.query(mutantNamed('a refused order keeps its reservation, stock and ledger agreeing').sql);
    const { code, out, err } = await repair('--mode', 'drained', '--apply', '--all', '--reason', 'r');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/S7:\d+ {2}gone/);
    expect(await counts()).toEqual(whole);
    expect((await actions()).map(({ command }) => command)).toEqual([
      'verify --repair give-back',
      'verify --repair give-back',
    ]);
  });

  test('what has no safe repair stays as it is, and the exit code says so', async () => {
    await world.db.pool.query(`update balance_ledger set order_id = null where order_id = 18 and kind = 'DEBIT'`);
    const broken = await counts();
    const dry = await repair('--codes', 'B7,P3');
    expect(dry.out).toMatch(
      /P3:18 {2}\(order 18\)\n {2}no safe repair: .*\n {2}look at: select \* from balance_ledger where order_id = 18/,
    );
    expect(dry.out).not.toContain('--apply');
    const tried = await repair('--apply', 'P3:18', '--reason', 'r');
    expect(tried).toMatchObject({
      code: 1,
      err: 'P3:18  unsafe: no safe repair\n',
      out: expect.stringContaining('still broken: P3 order 18'),
    });
    expect([await counts(), await actions()]).toEqual([broken, []]);
    await world.db.pool.query(`update balance_ledger set order_id = 18 where order_id is null and kind = 'DEBIT'`);
  });

  test('is bounded: the rest is for another call', async () => {
    await world.db.pool.query(mutantNamed('a refused order keeps the coupon').sql);
    const first = await repair('--limit', '3', '--apply', '--all', '--reason', 'r');
    expect(first).toMatchObject({
      code: 1,
      out: expect.stringMatching(/done 3, .*\n1 more were not looked into/),
    });
    expect(await repair('--limit', '1')).toMatchObject({ code: 1 });
    expect(await repair('--apply', '--all', '--reason', 'r')).toMatchObject({ code: 0 });
  });

  test('is rolled back when an invariant would break that held', async () => {
    await world.db.pool.query(`update balances set amount = amount + 1 where user_id = 7`);
    const [{ amount } = { amount: 0 }] = await world.db.pool.query<{ amount: number }>(
      'select amount - 1 as amount from balances where user_id = 7',
    );
    const b1 = invariants.find(({ code }) => code === 'B1')!;
    const touchy: Invariant = {
      ...b1,
      code: 'Z1',
      checks: [{ subject: b1.checks[0]!.subject, wrong: `id = 7 and amount = ${amount}` }],
    };
    const [breach] = await breachesIn(world.db.pool, [b1], never);
    const before = await counts();
    expect(await settle(world.db.pool, [...invariants, touchy], breach!, by)).toMatchObject({
      outcome: 'unsafe',
      says: 'no safe repair: it would break Z1 balance 7',
    });
    const deaf: Invariant = { ...b1, checks: [{ ...b1.checks[0]!, wrong: 'id = 7' }] };
    expect(await settle(world.db.pool, [...invariants.filter((each) => each !== b1), deaf], breach!, by)).toMatchObject(
      {
        says: 'no safe repair: it would still be broken',
      },
    );
    expect([await counts(), await actions()]).toEqual([before, []]);
    // Somebody mended it between the look and the locks: that something else is wrong there is not what was asked for.
    const mended = { code: 'B2', subject: 'balance', id: '7', orderId: null };
    expect(await settle(world.db.pool, invariants, mended, by)).toMatchObject({ outcome: 'gone' });
    expect([await counts(), await actions()]).toEqual([before, []]);
    expect(await settle(world.db.pool, invariants, breach!, by)).toMatchObject({ outcome: 'done' });
    expect(await settle(world.db.pool, invariants, breach!, by)).toMatchObject({ outcome: 'gone' });
  });

  test('an open saga is left to the command for sagas', async () => {
    await world.db.pool.query(mutantNamed('a saga is left open').sql);
    const { out } = await repair('--codes', 'G6');
    expect(out).toMatch(
      /G6:1 .*\n.*\n {2}npm run sagas -- retry 1 --reason '...'\n {2}look at: npm run sagas -- show --order 29\n/,
    );
    await world.db.pool.query(`update saga_state set status = 'COMPLETED' where order_id = 29`);
  });

  test.each([
    [['--all'], 'say --apply'],
    [['--reason', 'r'], 'say --apply'],
    [['--apply', '--reason', 'r'], 'which?'],
    [['--apply', 'B5:17', '--all', '--reason', 'r'], 'which?'],
    [['--apply', 'B5:17'], 'why?'],
    [['--apply', 'B5:17', '--reason', ' '], '1 to 500 characters'],
    [['--apply', '17', '--reason', 'r'], 'is not a finding'],
    [['--codes', 'B5,Q9'], `no invariant 'Q9'`],
    [['--limit', '0'], 'from 1 to 1000'],
  ])('ends with 2 for %j', async (argv, message) => {
    expect(await repair(...argv)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });

  describe('killed', () => {
    const children: ChildProcess[] = [];
    afterAll(() => {
      for (const child of children) child.kill('SIGKILL');
    });
    /** Starts the command, waits until somebody's lock stops it, and kills it. */
    async function killedWhenBlocked(): Promise<void> {
      const argv = ['--import', 'tsx', 'scripts/verify.ts', '--repair', '--apply', '--all', '--reason', 'killed'];
      const child = spawn(process.execPath, argv, {
        env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: world.db.url },
        stdio: 'ignore',
      });
      children.push(child);
      const waiting = `select pid from pg_stat_activity where application_name = 'sagashift-repair' and datname = current_database()`;
      while (
        (await world.db.pool.query(`${waiting} and wait_event_type = 'Lock'`)).length === 0 &&
        child.exitCode === null
      );
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    const sessionsGone = async (): Promise<void> => {
      const there = `select from pg_stat_activity where application_name = 'sagashift-repair' and datname = current_database()`;
      while ((await world.db.pool.query(there)).length > 0);
    };

    test('between two repairs and in the middle of one, it has done each wholly or not at all, and the next call does the rest', async () => {
      const whole = await counts();
      await world.db.pool.query(mutantNamed('a refund never happened, balance and ledger agreeing').sql);
      await world.db.pool.query(mutantNamed('a refused order keeps its reservation, stock and ledger agreeing').sql);
      const [{ id: unreserved } = { id: 0 }] = await world.db.pool.query<{ id: number }>(
        `select id from orders where engine = 'legacy-lean' and status = 'PAYMENT_FAILED' order by id limit 1`,
      );
      const holder = await openSession(world.db.url, world.db.pool, 'read committed');
      await holder.query('begin');
      await holder.query('lock table operator_action in exclusive mode'); // each repair stops there, its entries written
      const broken = await counts();
      await killedWhenBlocked();
      await holder.query('rollback');
      await sessionsGone();
      expect([await counts(), await actions()]).toEqual([broken, []]);

      await holder.query('begin');
      const second = (await breachesIn(world.db.pool, invariants, never)).filter(({ code }) => code === 'P5').at(-1)!;
      await holder.query('select from orders where id = $1 for update', [second.orderId]);
      await killedWhenBlocked();
      await holder.query('rollback');
      await holder.close();
      await sessionsGone();
      expect((await actions()).length).toBe(1);
      expect((await breachesIn(world.db.pool, invariants, never)).filter(({ code }) => code === 'P5')).toEqual([
        second,
      ]);

      expect(await repair('--apply', '--all', '--reason', 'the rest')).toMatchObject({ code: 0 });
      expect((await actions()).map(({ reason }) => reason)).toEqual(['killed', 'the rest']);
      expect(await counts()).toEqual(whole);
      expect(unreserved).toBeGreaterThan(0);
    });
  });
});
