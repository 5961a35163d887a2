import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startProjector } from '../../eventdriven/index.ts';
import { paymentStreams, projectUserPayments } from '../../eventdriven/projections/user-payments-sql.ts';
import { createLegacyEngine } from '../../legacy/index.ts';
import { readConfig } from '../../runtime/config.ts';
import type { Stoppable } from '../../runtime/lifecycle.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { type Router, startRouter } from '../../router/main.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { call } from '../support/api-client.ts';
import { startChild } from '../support/processes.ts';
import { openSession } from '../support/sessions.ts';
import { type FreshDatabase, shop } from '../support/services.ts';
import { userPaymentsStage, type UserPaymentsStage } from '../support/user-payments-stage.ts';
import { payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';

const never = new AbortController().signal;

let stage: UserPaymentsStage;
let database: FreshDatabase;
const running: Stoppable[] = [];
const take = (count: number) => stage.take(count);
const projected = () => stage.projected();
const paid = () => stage.paid();
const readUp = (max: number) => stage.readUp(max);

beforeAll(async () => {
  stage = await userPaymentsStage();
  ({ database } = stage);
});
afterAll(() => database.drop());
beforeEach(() => database.pool.query('truncate user_payment, projection_position'));
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

const metrics = createMetrics();
const project = (limits: Parameters<typeof startProjector>[0]['limits'] = {}): Stoppable => {
  const config = readConfig(stage.environment);
  const projector = startProjector({
    config,
    metrics,
    log: createLog('test', 'silent'),
    limits: { pollMs: 5, ...limits },
  });
  running.push(projector);
  return projector;
};
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
    const engine = createLegacyEngine(
      portsOn(database.url, { url: stage.environment.REDIS_URL, prefix: stage.environment.SAGASHIFT_KEY_PREFIX }),
    );
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
    const first = await startChild('scripts/service.ts', ['projector'], stage.environment);
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
      config: readConfig(stage.environment),
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

describe('GET /v1/users/{userId}/payments', () => {
  let router: Router;
  let userId: number;
  beforeAll(async () => {
    const [busiest] = await database.pool.query<{ id: number }>(
      'select user_id as id from payments group by user_id order by count(*) desc limit 1',
    );
    userId = busiest!.id;
    const config = readConfig({ ...stage.environment, SAGASHIFT_ENGINE: 'legacy-lean' });
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
