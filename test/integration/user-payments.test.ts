import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { datasetOptions } from '../../bench/dataset/options.ts';
import { planOrders } from '../../bench/dataset/plan.ts';
import { startProjector } from '../../eventdriven/index.ts';
import { rebuildUserPayments } from '../../eventdriven/projections/rebuild.ts';
import {
  forgetUserPayments,
  paymentStreams,
  projectUserPayments,
} from '../../eventdriven/projections/user-payments-sql.ts';
import type { Pool } from '../../runtime/database.ts';
import { databaseUrl } from '../../runtime/databases.ts';
import { createLegacyEngine } from '../../legacy/index.ts';
import { readConfig } from '../../runtime/config.ts';
import type { Stoppable } from '../../runtime/lifecycle.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { type Router, startRouter } from '../../router/main.ts';
import { runProjections } from '../../scripts/projections-command.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { call } from '../support/api-client.ts';
import { startChild } from '../support/processes.ts';
import { readUp as readUpPool } from '../support/read-up.ts';
import { openSession } from '../support/sessions.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';
import { waitsForALock } from '../isolation/switched-off.ts';
import { payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';

const options = datasetOptions({
  users: 30,
  products: 10,
  orders: 300,
  couponShare: 0.3,
  lowBalanceShare: 0.06,
  lapsedShare: 0.06,
  blockedShare: 0.06,
});
const plans = [...planOrders(options)];
const redis = freshRedis();
const never = new AbortController().signal;

let database: FreshDatabase;
const running: Stoppable[] = [];
let next = 0;
/** The plans of the next orders that nobody has paid yet. */
const take = (count: number) => plans.slice(next, (next += count));

beforeAll(async () => {
  database = await freshDatabase();
  await loadDataset(database.url, options);
});
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate user_payment, projection_position'));
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

const environment = () => ({
  DATABASE_URL: database.url,
  REDIS_URL: redis.url,
  SAGASHIFT_KEY_PREFIX: redis.prefix,
});
const metrics = createMetrics();
const project = (limits: Parameters<typeof startProjector>[0]['limits'] = {}): Stoppable => {
  const config = readConfig(environment());
  const projector = startProjector({
    config,
    metrics,
    log: createLog('test', 'silent'),
    limits: { pollMs: 5, ...limits },
  });
  running.push(projector);
  return projector;
};
const columns = 'user_id, payment_id, order_id, amount, paid_at';
const projected = () => database.pool.query(`select ${columns} from user_payment order by payment_id`);
const paid = () =>
  database.pool.query(
    `select user_id, id as payment_id, order_id, amount, created_at as paid_at from payments order by id`,
  );
/** An order whose rows nobody else wants. */
async function payable() {
  const { id, userId } = await shop(database.pool).payable();
  return { orderId: id, userId, couponId: null, expect: 'PAID' } as const;
}
/** Resolves when both streams have been read up to now. */
async function fresh(): Promise<void> {
  const [row] = await database.pool.query<{ now: string }>('select clock_timestamp()::text as now');
  for (;;) {
    const rows = await database.pool.query('select from projection_position where as_of >= $1::timestamptz', [
      row!.now,
    ]);
    if (rows.length === paymentStreams.length) return;
  }
}
const readUp = (max: number): Promise<void> => readUpPool(database.pool, max);

describe('the projection', () => {
  test('holds every payment of every engine and no refusal, whatever the size of its batches', async () => {
    for (const plan of take(40)) await payLean(database.pool, plan);
    const sagas = [
      ...(await paySagas(database.pool, take(40), 'orchestration')),
      ...(await paySagas(database.pool, take(40), 'choreography')),
    ];
    expect(sagas.some(({ outcome }) => outcome === 'refused')).toBe(true);
    await readUp(7);
    const all = await projected();
    expect(all).toEqual(await paid());
    expect(all.length).toBeGreaterThan(80);

    await database.pool.query('truncate user_payment, projection_position');
    await readUp(1_000);
    expect(await projected()).toEqual(all);
  });

  test('the monolith writes no events, and is in the list', async () => {
    const { id: orderId, userId } = await shop(database.pool).payable();
    const engine = createLegacyEngine(portsOn(database.url, redis));
    await engine.start();
    const route = { side: 'legacy', reason: 'pinned', bucket: userId % 100, version: 1 } as const;
    const { settled } = await engine.submit({ orderId, userId, couponId: null, route }, never);
    const answer = await settled;
    await engine.stop();
    await readUp(1_000);
    expect(answer.kind).toBe('paid');
    expect(await database.pool.query('select order_id from user_payment where user_id = $1', [userId])).toEqual([
      { order_id: orderId },
    ]);
  });

  test('a saga of a single boundary says less in its event, and is there all the same', async () => {
    const [plan] = take(1);
    const [row] = await database.pool.query<{ id: number }>(
      `insert into payments (order_id, user_id, amount, engine) values ($1, $2, 700, 'orchestration') returning id`,
      [plan!.orderId, plan!.userId],
    );
    await database.pool.query(
      `insert into event_store (aggregate_id, sequence_number, event_type, event_data)
       values ('order-' || $1::bigint, 1, 'payment.completed', jsonb_build_object('userId', $2::bigint, 'due', 700, 'discount', 0))`,
      [plan!.orderId, plan!.userId],
    );
    await readUp(1_000);
    expect(
      await database.pool.query(`select user_id, amount from user_payment where payment_id = $1`, [row!.id]),
    ).toEqual([{ user_id: plan!.userId, amount: 700 }]);
    await database.pool.query('delete from payments where id = $1', [row!.id]);
    await database.pool.query(`delete from event_store where aggregate_id = 'order-' || $1::bigint`, [plan!.orderId]);
  });

  test('waits for a payment under way, does not pass over it, and claims no more freshness than it has', async () => {
    const [slow, quick] = [await payable(), await payable()];
    await readUp(1_000);
    const session = await openSession(database.url, database.pool, 'read committed');
    await session.begin();
    await payLean(session, slow);
    await payLean(database.pool, quick);
    await projectUserPayments(database.pool, 'payments', 100);
    const held = await projectUserPayments(database.pool, 'payments', 100);
    const orders = `select order_id from user_payment where order_id = any($1) order by order_id`;
    const ids = [[slow.orderId, quick.orderId]];
    expect(await database.pool.query(orders, ids)).toEqual([]);
    const [at] = await database.pool.query<{ created_at: Date }>(
      'select created_at from payments where order_id = $1',
      [quick.orderId],
    );
    expect(held.asOf!.getTime()).toBeLessThan(at!.created_at.getTime());

    await session.commit();
    await session.close();
    await readUp(100);
    expect(await database.pool.query(orders, ids)).toEqual([slow, quick].map(({ orderId }) => ({ order_id: orderId })));
  });

  test('reads nothing twice, also where the later transaction has the earlier number', async () => {
    const [first, second] = [await payable(), await payable()];
    await readUp(1_000);
    const session = await openSession(database.url, database.pool, 'read committed');
    await session.begin();
    await session.query('select pg_current_xact_id()');
    await payLean(database.pool, second);
    await payLean(session, first);
    await session.commit();
    await session.close();
    let rowsRead = 0;
    do rowsRead += (await projectUserPayments(database.pool, 'payments', 100)).rowsRead;
    while (rowsRead < 2);
    expect(await projectUserPayments(database.pool, 'payments', 100)).toMatchObject({ rowsRead: 0 });
    expect(rowsRead).toBe(2);
  });

  test('of two projectors that want the same stream one works and the other goes on', async () => {
    await readUp(1_000);
    await database.pool.transaction(async (tx) => {
      await projectUserPayments(tx, 'events', 10);
      expect(await projectUserPayments(database.pool, 'events', 10)).toEqual({
        outcome: 'busy',
        rowsRead: 0,
        asOf: null,
      });
      expect(await projectUserPayments(database.pool, 'payments', 10)).toMatchObject({ outcome: 'caught-up' });
    });
  });
});

describe('the projector', () => {
  test('three at once, with payments under way on both sides, write each payment once', async () => {
    for (const batch of [1, 3, 5]) project({ batch, batches: 2 });
    await Promise.all([
      (async () => {
        for (const plan of take(20)) await payLean(database.pool, plan);
      })(),
      paySagas(database.pool, take(20), 'orchestration'),
      paySagas(database.pool, take(20), 'choreography'),
    ]);
    await fresh();
    expect(await projected()).toEqual(await paid());
    expect(await metrics.registry.metrics()).toMatch(
      /payment_projection_age_seconds\{projection="user-payments"\} [\d.e-]+/,
    );
  });

  test('killed between two batches, another one goes on where it was', async () => {
    const first = await startChild('scripts/service.ts', ['projector'], environment());
    await fresh();
    await first.kill('SIGKILL');
    for (const plan of take(10)) await payLean(database.pool, plan);
    await paySagas(database.pool, take(10), 'orchestration');
    await projectUserPayments(database.pool, 'events', 3); // a batch of the dead one that had committed
    project();
    await fresh();
    expect(await projected()).toEqual(await paid());
  });

  test('killed within a batch, rows and position go together', async () => {
    await paySagas(database.pool, take(5), 'choreography');
    const cut = database.pool.transaction(async (tx) => {
      await projectUserPayments(tx, 'events', 10_000);
      await tx.query('select pg_terminate_backend(pg_backend_pid())');
    });
    await expect(cut).rejects.toMatchObject({ code: '57P01' });
    expect(await database.pool.query('select from projection_position where xid > $1::xid8', ['0'])).toEqual([]);
    expect(await projected()).toEqual([]);
    await readUp(1_000);
    expect(await projected()).toEqual(await paid());
  });

  test('complains once about a fault that stays, and goes on when it is gone', async () => {
    const lines: string[] = [];
    let faulted = (): void => undefined;
    const heard = new Promise<void>((resolve) => (faulted = resolve));
    const log = createLog('test', 'warn', {
      write(line) {
        lines.push(line);
        faulted();
      },
    });
    await database.pool.query('alter function project_user_payments rename to elsewhere');
    const projector = startProjector({
      config: readConfig(environment()),
      metrics,
      log,
      limits: { pollMs: 5, retryMs: 5 },
    });
    running.push(projector);
    await heard;
    const tries = async (): Promise<number> =>
      (
        await database.pool.query<{ n: number }>(
          'select sum(xact_rollback)::bigint as n from pg_stat_database where datname = current_database()',
        )
      )[0]!.n;
    for (const before = await tries(); (await tries()) < before + 3;); // it keeps trying
    await database.pool.query('alter function elsewhere rename to project_user_payments');
    await fresh();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('cannot bring user_payment up to date');
  });

  test('goes on by itself when its connection is cut, and stops at once', async () => {
    const projector = project({ retryMs: 5 });
    await fresh();
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sagashift-projector' and datname = current_database()`,
    );
    for (const plan of take(2)) await payLean(database.pool, plan);
    await fresh();
    await projector.stop();
    expect(await projected()).toEqual(await paid());
  });
});

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
  const run = (...argv: string[]) => runIn(environment(), argv);

  test('rebuilds from nothing: what was wrong is gone; until it is done readers see what was', async () => {
    await readUp(1_000);
    await database.pool.query(
      `with gone as (delete from user_payment where payment_id = (select max(payment_id) from user_payment))
       insert into user_payment (${columns}) values (1, 999999, 1, 1, now())`,
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
    const { code, err } = await runIn(environment(), ['rebuild'], AbortSignal.abort(new Error('interrupted')));
    expect([code, err]).toEqual([1, 'interrupted\n']);
    expect(await projected()).toEqual(before);
  });

  test('as a process it hears Ctrl-C, also while it waits, says so, and leaves the lists as they were', async () => {
    await readUp(1_000);
    const before = await projected();
    const { code, err } = await database.pool.transaction(async (tx) => {
      await tx.query('lock table user_payment in exclusive mode');
      const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/projections.ts', 'rebuild'], {
        env: { ...process.env, NODE_OPTIONS: '', ...environment() },
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

describe('GET /v1/users/{userId}/payments', () => {
  let router: Router;
  let userId: number;
  beforeAll(async () => {
    const [busiest] = await database.pool.query<{ id: number }>(
      'select user_id as id from payments group by user_id order by count(*) desc limit 1',
    );
    userId = busiest!.id;
    const config = readConfig({ ...environment(), SAGASHIFT_ENGINE: 'legacy-lean' });
    router = await startRouter(config, { log: createLog('router', 'silent') });
  });
  afterAll(() => router.stop());
  const get = (path: string) => call('GET', `${router.url}${path}`);
  test('lists newest first, page by page, and says how fresh the list is', async () => {
    await readUp(1_000);
    const expected = (await paid()).filter((row) => (row as { user_id: number }).user_id === userId).reverse();
    const listed: unknown[] = [];
    let pages = 0;
    for (let path: string | null = `/v1/users/${userId}/payments?limit=2`; path !== null; pages += 1) {
      const { status, body } = await get(path);
      expect(status).toBe(200);
      expect(body).toMatchObject({ userId, asOf: expect.any(String), ageSeconds: expect.any(Number) });
      listed.push(...(body['payments'] as unknown[]));
      path = body['next'] as string | null;
    }
    expect(pages).toBe(Math.ceil(expected.length / 2));
    expect(listed).toEqual(
      (expected as { payment_id: number; order_id: number; amount: number; paid_at: Date }[]).map((row) => ({
        paymentId: row.payment_id,
        orderId: row.order_id,
        amount: row.amount,
        paidAt: row.paid_at.toISOString(),
      })),
    );
    expect((await get(`/v1/users/${userId}/payments`)).body['payments']).toEqual(listed.slice(0, 20));
  });

  test('nobody has projected yet: the list says that it cannot be relied on', async () => {
    await projectUserPayments(database.pool, 'events', 1_000);
    expect((await get(`/v1/users/${userId}/payments`)).body).toMatchObject({ asOf: null, ageSeconds: null });
  });

  test('a user without payments has an empty list, somebody unknown none', async () => {
    const [row] = await database.pool.query<{ id: number }>('insert into users default values returning id');
    expect(await get(`/v1/users/${row!.id}/payments`)).toMatchObject({
      status: 200,
      body: { payments: [], next: null },
    });
    expect(await get('/v1/users/999999999/payments')).toMatchObject({ status: 404, body: { code: 'USER_NOT_FOUND' } });
  });

  test.each([
    'limit=0',
    'limit=101',
    'limit=ten',
    'limit=',
    'limit=1&limit=2',
    'before=-1',
    'before=1e3',
    'before=9007199254740992',
    'befor=3',
  ])('?%s is a problem', async (query) => {
    const { status, body, headers } = await get(`/v1/users/${userId}/payments?${query}`);
    expect([status, body['code']]).toEqual([400, 'MALFORMED_REQUEST']);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body['detail']).toContain(query.split('=')[0]);
  });

  test('a malformed user is one too, and nothing but GET is allowed', async () => {
    expect((await get('/v1/users/0/payments')).status).toBe(400);
    expect((await call('POST', `${router.url}/v1/users/${userId}/payments`, {})).status).toBe(405);
  });
});
