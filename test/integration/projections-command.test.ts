import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';
import { rebuildUserPayments } from '../../eventdriven/projections/rebuild.ts';
import { forgetUserPayments } from '../../eventdriven/projections/user-payments-sql.ts';
import type { Pool } from '../../runtime/database.ts';
import { databaseUrl } from '../../runtime/databases.ts';
import { runProjections } from '../../scripts/projections-command.ts';
import { waitsForALock } from '../isolation/switched-off.ts';
import type { FreshDatabase } from '../support/services.ts';
import { listColumns, userPaymentsStage, type UserPaymentsStage } from '../support/user-payments-stage.ts';

const never = new AbortController().signal;
let stage: UserPaymentsStage;
let database: FreshDatabase;
const take = (count: number) => stage.take(count);
const projected = () => stage.projected();
const paid = () => stage.paid();
const readUp = (max: number) => stage.readUp(max);

beforeAll(async () => {
  stage = await userPaymentsStage();
  ({ database } = stage);
  for (const plan of take(20)) await payLean(database.pool, plan);
  await paySagas(database.pool, take(20), 'choreography');
});
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate user_payment, projection_position'));

describe('npm run projections', () => {
  const runIn = async (env: NodeJS.ProcessEnv, argv: readonly string[], signal = never) => {
    let [out, err] = ['', ''];
    const code = await runProjections(argv, {
      env,
      out: (text) => (out += text),
      err: (text) => (err += text),
      signal,
    });
    return { code, out, err };
  };
  const run = (...argv: string[]) => runIn(stage.environment, argv);

  test('rebuilds from nothing: what was wrong is gone; until it is done readers see what was', async () => {
    await readUp(1_000);
    await database.pool.query(
      `with gone as (delete from user_payment where payment_id = (select max(payment_id) from user_payment))
       insert into user_payment (${listColumns}) values (1, 999999, 1, 1, now())`,
    );
    const wrong = await projected();
    let seen: unknown;
    const peek: Pool = {
      ...database.pool,
      transaction: (work) =>
        database.pool.transaction(async (tx) => {
          const answer = await work(tx);
          seen = await projected();
          return answer;
        }),
    };
    await rebuildUserPayments(peek, never);
    expect(seen).toEqual(wrong);
    await readUp(1_000);
    expect(await projected()).toEqual(await paid());

    expect(await run('rebuild')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^read \d+ events and payments again\n$/),
    });
    await readUp(1_000);
    expect(await projected()).toEqual(await paid());
  });

  test('says how far it is, before and after', async () => {
    expect((await run('status')).out).toMatch(/events +not read yet\npayments +not read yet\n/);
    await readUp(1_000);
    expect((await run('status')).out).toMatch(/events +up to \S+, [\d.]+ s ago\n/);
    const { code, out } = await run('--json', 'status');
    expect([code, Object.keys(JSON.parse(out) as object)]).toEqual([0, ['userPayments']]);
  });

  test('rows of another server’s transactions are refused: they would be read never, or too late; what docs/event-sourcing.md says helps', async () => {
    await paySagas(database.pool, take(3), 'orchestration');
    for (const table of ['event_store', 'payments'])
      await database.pool.query(`update ${table} set xid = (xid::text::bigint + 1000000000)::text::xid8`);
    expect(await run('rebuild')).toMatchObject({ code: 1, err: expect.stringContaining('docs/event-sourcing.md') });
    await database.pool.query(
      'update event_store set xid = pg_current_xact_id(); update payments set xid = pg_current_xact_id();',
    );
    expect(await run('rebuild')).toMatchObject({ code: 0 });
    await readUp(1_000);
    expect(await projected()).toEqual(await paid());
  });

  test('interrupted, it leaves the lists as they were', async () => {
    await readUp(1_000);
    const before = await projected();
    const { code, err } = await runIn(stage.environment, ['rebuild'], AbortSignal.abort(new Error('interrupted')));
    expect([code, err]).toEqual([1, 'interrupted\n']);
    expect(await projected()).toEqual(before);
  });

  test('as a process it hears Ctrl-C, also while it waits, says so, and leaves the lists as they were', async () => {
    await readUp(1_000);
    const before = await projected();
    const { code, err } = await database.pool.transaction(async (tx) => {
      await tx.query('lock table user_payment in exclusive mode');
      const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/projections.ts', 'rebuild'], {
        env: { ...process.env, NODE_OPTIONS: '', ...stage.environment },
      });
      let err = '';
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
      await waitsForALock(database.pool, 'sagashift-projections');
      child.kill('SIGINT');
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, err };
    });
    expect([code, err]).toEqual([1, 'interrupted: the lists are as they were\n']);
    expect(await projected()).toEqual(before);
  });

  test('a second rebuild does not wait for the first', async () => {
    await readUp(1_000);
    await database.pool.transaction(async (tx) => {
      await forgetUserPayments(tx, 1_000);
      expect(await run('rebuild')).toMatchObject({
        code: 3,
        err: expect.stringContaining('somebody else is rebuilding'),
      });
    });
    expect(await run('rebuild')).toMatchObject({ code: 0 });
  });

  test.each([
    [['explode'], 2, /unknown command 'explode'.*--help/s],
    [['status', 'more'], 2, /too many arguments.*--help/s],
    [['rebuild', '--since', '1'], 2, /unknown option '--since'.*--help/s],
    [[], 2, /Usage: projections/],
  ])('%j ends with %d and says what is wrong', async (argv, code, said) => {
    expect(await run(...argv)).toMatchObject({ code, out: '', err: expect.stringMatching(said) });
  });

  test('--help names the database it wants, what keeps the lists, and the exit codes', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const said of ['DATABASE_URL', 'npm run service -- projector', 'Exit codes']) expect(out).toContain(said);
  });

  test.each([
    ['none', undefined, 2, /DATABASE_URL is not set/],
    ['no URL', 'here', 2, /DATABASE_URL is not a URL/],
    ['where nobody listens', 'postgres://a@127.0.0.1:1/x', 4, /cannot be reached/],
    ['somebody else’s', 'postgres', 1, /not one of Sagashift/],
  ])('a database that is %s', async (_, name, code, said) => {
    const url = name === 'postgres' ? databaseUrl(database.url, name) : name;
    const env = url === undefined ? {} : { DATABASE_URL: url };
    for (const action of ['status', 'rebuild'])
      expect(await runIn(env, [action])).toMatchObject({ code, out: '', err: expect.stringMatching(said) });
  });
});
