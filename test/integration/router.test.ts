import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLeanEngine } from '../../legacy/index.ts';
import type { PaymentEngine } from '../../domain/payment-engine.ts';
import { readConfig } from '../../runtime/config.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { sagaAnswer } from '../../router/api-schemas.ts';
import { type Router, type RouterOverrides, startRouter } from '../../router/main.ts';
import { call } from '../support/api-client.ts';
import { type FreshDatabase, freshDatabase, freshRedis, type Shop, shop } from '../support/services.ts';
import { acceptingSaga, type AcceptingSaga } from '../support/accepting-saga.ts';

let database: FreshDatabase;
let store: Shop;
let saga: AcceptingSaga;
let monolith: Router; // every payment on the monolith
let sagas: Router; // every payment on the saga
const metrics = createMetrics();
const redis = freshRedis();

const config = (over: NodeJS.ProcessEnv = {}) =>
  readConfig({ DATABASE_URL: database.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix, ...over });
const start = (env: NodeJS.ProcessEnv, overrides: RouterOverrides) =>
  startRouter(config(env), { log: createLog('router', 'silent'), ...overrides });

beforeAll(async () => {
  database = await freshDatabase();
  store = shop(database.pool);
  saga = acceptingSaga(database.pool);
  monolith = await start({ SAGASHIFT_ENGINE: 'legacy-lean' }, { metrics });
  sagas = await start(
    { SAGASHIFT_ENGINE: 'orchestration', SAGASHIFT_WAIT_LIMIT_MS: '150' },
    { engines: { orchestration: saga } },
  );
});
afterAll(async () => {
  saga.settle(() => ({ kind: 'unchanged', code: 'PAYMENT_IN_PROGRESS' }));
  await Promise.all([monolith.stop(), sagas.stop()]);
  await database.drop();
});

const pay = (orderId: number | string, body: unknown, router = monolith, headers: Record<string, string> = {}) =>
  call('POST', `${router.url}/v1/orders/${orderId}/payments`, body, headers);

const count = async (table: string): Promise<number> => {
  const [row] = await database.pool.query<{ n: number }>(`select count(*) as n from ${table}`);
  return row?.n ?? 0;
};
const everything = async () =>
  Promise.all(
    ['payment_route', 'payments', 'balance_ledger', 'stock_ledger', 'orders', 'saga_state', 'top_up'].map(count),
  );

describe('paying', () => {
  test('a paid order is answered 201 with what was paid, by whom and why there', async () => {
    const { id, userId, total } = await store.payable({ price: 700, qty: 2 });
    const { status, body, headers } = await pay(id, { userId });
    expect(status).toBe(201);
    expect(body).toEqual({
      paymentId: expect.any(Number),
      orderId: id,
      userId,
      amount: total,
      status: 'PAID',
      engine: 'legacy-lean',
      route: { side: 'legacy', reason: 'pinned', bucket: userId % 100, version: 1 },
    });
    expect(headers.get('location')).toBe(`/v1/orders/${id}/payment`);
  });

  test('paying again gets the first answer, which says that the order was there already', async () => {
    const { id, userId } = await store.payable();
    const first = await pay(id, { userId });
    const again = await pay(id, { userId, couponId: null });
    expect(again.status).toBe(201);
    expect(again.body).toEqual({ ...first.body, route: { ...(first.body['route'] as object), reason: 'affinity' } });
    expect(await database.pool.query('select from payments where order_id = $1', [id])).toHaveLength(1);
  });

  test('a coupon is taken off', async () => {
    const { id, userId, total } = await store.payable({ price: 1_000 });
    const couponId = await store.coupon({ userId, discount: 300 });
    expect((await pay(id, { userId, couponId })).body).toMatchObject({ amount: total - 300 });
  });

  test('a refusal is a problem with a stable code, and stays the answer', async () => {
    const { id, userId } = await store.payable({ balance: 10, price: 1_000 });
    const first = await pay(id, { userId });
    expect(first.status).toBe(422);
    expect(first.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(first.body).toMatchObject({
      status: 422,
      code: 'BALANCE_INSUFFICIENT',
      orderId: id,
      userId,
      engine: 'legacy-lean',
      route: { side: 'legacy', reason: 'pinned' },
    });
    const again = await pay(id, { userId });
    expect(again).toMatchObject({ status: 422, body: { code: 'BALANCE_INSUFFICIENT', route: { reason: 'affinity' } } });
  });

  test('what is not found, not yours, paid otherwise or with a foreign coupon changes nothing', async () => {
    const { id, userId } = await store.payable();
    const stranger = await store.user();
    const foreign = await store.coupon({ userId: stranger });
    const paid = await store.payable();
    await pay(paid.id, { userId: paid.userId });
    const before = await everything();
    expect(await pay(999_999_999, { userId })).toMatchObject({ status: 404, body: { code: 'ORDER_NOT_FOUND' } });
    expect(await pay(id, { userId: stranger })).toMatchObject({ status: 404, body: { code: 'ORDER_NOT_FOUND' } });
    expect(await pay(id, { userId, couponId: foreign })).toMatchObject({
      status: 422,
      body: { code: 'COUPON_UNUSABLE' },
    });
    expect(await pay(id, { userId, couponId: 999_999_999 })).toMatchObject({
      status: 422,
      body: { code: 'COUPON_UNUSABLE' },
    });
    expect(await pay(paid.id, { userId: paid.userId, couponId: 1 })).toMatchObject({
      status: 409,
      body: { code: 'COUPON_MISMATCH' },
    });
    expect(await everything()).toEqual(before);
  });

  test('an order that is not payable any more is a conflict', async () => {
    const { id, userId } = await store.payable();
    await database.pool.query(`update orders set status = 'PAYMENT_FAILED' where id = $1`, [id]);
    expect(await pay(id, { userId })).toMatchObject({ status: 409, body: { code: 'ORDER_NOT_PAYABLE' } });
  });

  test('counts answers by side, engine and outcome, and decisions by rule', async () => {
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/payment_requests_total\{side="legacy",engine="legacy-lean",outcome="good"\} [1-9]/);
    expect(text).toMatch(/payment_requests_total\{side="legacy",engine="legacy-lean",outcome="rejected"\} [1-9]/);
    expect(text).toMatch(/payment_router_decisions_total\{side="legacy",reason="pinned"\} [1-9]/);
    expect(text).toMatch(/payment_router_decisions_total\{side="legacy",reason="affinity"\} [1-9]/);
    expect(text).toMatch(/payment_inflight\{side="legacy"\} 0\n/);
  });
});

describe('bad input gets a problem and changes nothing', () => {
  const bodies: [string, unknown, number][] = [
    ['no JSON', '{"userId":', 400],
    ['an empty body', '', 400],
    ['null', 'null', 400],
    ['an array', [42], 400],
    ['a number', '42', 400],
    ['no user', {}, 400],
    ['a user of null', { userId: null }, 400],
    ['a text for a user', { userId: '42' }, 400],
    ['a negative user', { userId: -1 }, 400],
    ['user 0', { userId: 0 }, 400],
    ['a fraction of a user', { userId: 1.5 }, 400],
    ['a user beyond 2^53', '{"userId": 9007199254740993}', 400],
    ['a user beyond all', '{"userId": 1e400}', 400],
    ['a coupon of text', { userId: 1, couponId: 'x' }, 400],
    ['a coupon beyond 2^53', '{"userId": 1, "couponId": 9007199254740992}', 400],
    ['a misspelt coupon', { userId: 1, couponID: 7 }, 400],
    ['a body over the limit', { userId: 1, filler: 'x'.repeat(20_000) }, 413],
    ['an NUL in the body', '{"userId": "\u0000"}', 400],
  ];
  test.each(bodies)('%s', async (_name, body, status) => {
    const { id } = await store.payable();
    const before = await everything();
    const reply = await pay(id, body);
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(reply.body).toMatchObject({
      status,
      code: expect.any(String),
      title: expect.any(String),
      detail: expect.any(String),
    });
    expect(await everything()).toEqual(before);
  });

  test.each(['0', '-1', '1.5', 'abc', 'null', '1e3', '9007199254740992', '99999999999999999999', '%00', '01', '%ff'])(
    'order id %s',
    async (orderId) => {
      expect(await pay(orderId, { userId: 1 })).toMatchObject({ status: 400, body: { code: 'MALFORMED_REQUEST' } });
    },
  );

  test('another media type, or none', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/json; charset=latin1']) {
      const reply = await pay(1, '{"userId":1}', monolith, { 'content-type': type });
      expect(reply).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
    }
    expect((await call('POST', `${monolith.url}/v1/orders/1/payments`)).status).toBe(415);
  });

  test('unknown paths and wrong methods', async () => {
    expect(await call('GET', `${monolith.url}/nothing/here`)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    expect(await call('POST', `${monolith.url}/`, {})).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    for (const [method, path, allow] of [
      ['GET', '/v1/orders/1/payments', 'POST'],
      ['DELETE', '/v1/orders/1', 'GET, HEAD'],
      ['PUT', '/v1/orders', 'POST'],
      ['POST', '/v1/sagas/1', 'GET, HEAD'],
      ['POST', '/metrics', 'GET, HEAD'],
    ] as const) {
      const reply = await call(method, `${monolith.url}${path}`);
      expect(reply).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
      expect(reply.headers.get('allow')).toBe(allow);
    }
  });

  test('10 MB are turned away by their announced length, and by what has arrived when none was announced', async () => {
    const megabytes = Buffer.alloc(10 * 1024 * 1024, 'x');
    expect(await pay(1, megabytes.toString())).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } });
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const req = request(
        `${monolith.url}/v1/orders/1/payments`,
        { method: 'POST', headers: { 'content-type': 'application/json' } },
        (res) => {
          res.resume();
          resolve(res.statusCode);
        },
      );
      req.on('error', reject);
      for (let at = 0; at < megabytes.length; at += 65_536) req.write(megabytes.subarray(at, at + 65_536));
      req.end();
    });
    expect(chunked).toBe(413);
  });

  test('who goes on sending after a 413 is cut off', async () => {
    const { hostname, port } = new URL(monolith.url);
    const socket = connect(Number(port), hostname);
    const closed = new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve(text);
      });
    });
    socket.write(
      'POST /v1/orders/1/payments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10000000\r\n\r\n{',
    );
    expect(await closed).toMatch(/^HTTP\/1.1 413 /);
  });

  test('a client that hangs up in mid-body leaves nothing behind', async () => {
    const before = await everything();
    const { hostname, port } = new URL(monolith.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      'POST /v1/orders/1/payments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"us',
    );
    await new Promise((resolve) => {
      socket.once('ready', resolve);
    });
    socket.destroy();
    expect((await call('GET', `${monolith.url}/healthz`)).status).toBe(200);
    expect(await everything()).toEqual(before);
  });
});

describe('a payment that takes its time', () => {
  test('Prefer: respond-async is answered 202 with the place to look', async () => {
    const { id, userId } = await store.payable();
    const { status, body, headers } = await pay(id, { userId }, sagas, { prefer: 'wait=10, respond-async' });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/v1/orders/${id}/payment`);
    expect(body).toMatchObject({
      orderId: id,
      status: 'ACCEPTED',
      engine: 'orchestration',
      sagaId: expect.any(Number),
      route: { side: 'saga' },
    });
    const shown = await call('GET', `${sagas.url}${headers.get('location') ?? ''}`);
    expect(shown.body).toMatchObject({
      orderId: id,
      userId,
      status: 'PENDING',
      sagaId: body['sagaId'],
      route: { side: 'saga', reason: 'pinned' },
    });
  });

  test('so is one that is still open at the wait limit, and a second request of it is told to wait', async () => {
    const { id, userId } = await store.payable();
    expect((await pay(id, { userId }, sagas)).status).toBe(202);
    const second = await pay(id, { userId }, sagas);
    expect(second).toMatchObject({ status: 409, body: { code: 'PAYMENT_IN_PROGRESS', orderId: id } });
    expect(second.headers.get('retry-after')).toBe('1');
  });

  test('who does not want to wait still gets an answer that is there', async () => {
    expect(await pay(999_999_999, { userId: 1 }, sagas, { prefer: 'respond-async' })).toMatchObject({ status: 404 });
  });

  test('a final answer of a saga names the saga', async () => {
    const { id, userId } = await store.payable();
    saga.settle(() => ({ kind: 'unchanged', code: 'PAYMENT_IN_PROGRESS' }));
    const asked = pay(id, { userId }, sagas);
    while (saga.open() === 0) await new Promise(setImmediate);
    saga.settle(({ route }) => ({
      kind: 'refused',
      code: 'STOCK_INSUFFICIENT',
      engine: 'orchestration',
      route,
      sagaId: 77,
    }));
    expect(await asked).toMatchObject({
      status: 422,
      body: { code: 'STOCK_INSUFFICIENT', sagaId: 77, engine: 'orchestration' },
    });
  });
});

describe('orders', () => {
  const place = (body: unknown) => call('POST', `${monolith.url}/v1/orders`, body);

  test('an order takes its prices from the products and reserves its stock, and can be paid', async () => {
    const userId = await store.user();
    const [one, two] = [await store.product({ price: 500, stock: 10 }), await store.product({ price: 30, stock: 3 })];
    const lines = [
      { productId: two, qty: 3 },
      { productId: one, qty: 2 },
    ];
    const { status, body, headers } = await place({ userId, lines });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      userId,
      status: 'PENDING',
      totalAmount: 1_090,
      discountAmount: 0,
      finalAmount: null,
      engine: null,
    });
    const orderId = Number(body['orderId']);
    expect(headers.get('location')).toBe(`/v1/orders/${orderId}`);
    const shown = await call('GET', `${monolith.url}/v1/orders/${orderId}`);
    expect(shown.body).toEqual({
      ...body,
      lines: [
        { productId: one, qty: 2, unitPrice: 500 },
        { productId: two, qty: 3, unitPrice: 30 },
      ],
    });
    expect(
      await database.pool.query(
        'select product_id, available, reserved from stocks where product_id = any($1) order by 1',
        [[one, two]],
      ),
    ).toEqual([
      { product_id: one, available: 8, reserved: 2 },
      { product_id: two, available: 0, reserved: 3 },
    ]);
    expect(
      await database.pool.query('select product_id, kind, qty from stock_ledger where order_id = $1 order by 1', [
        orderId,
      ]),
    ).toEqual([
      { product_id: one, kind: 'RESERVE', qty: 2 },
      { product_id: two, kind: 'RESERVE', qty: 3 },
    ]);
    expect(await pay(orderId, { userId })).toMatchObject({ status: 201, body: { amount: 1_090 } });
    expect((await call('GET', `${monolith.url}/v1/orders/${orderId}/payment`)).body).toMatchObject({
      status: 'PAID',
      amount: 1_090,
      paymentId: expect.any(Number),
    });
  });

  test('what cannot be had is refused as a whole', async () => {
    const userId = await store.user();
    const [plenty, scarce, free] = [
      await store.product(),
      await store.product({ stock: 1 }),
      await store.product({ price: 0 }),
    ];
    const dear = await store.product({ price: 9_000_000_000_000_000, stock: 1_000 });
    const before = await everything();
    const line = (productId: number, qty = 1) => ({ productId, qty });
    for (const [lines, status, code] of [
      [[line(plenty), line(scarce, 2)], 422, 'STOCK_INSUFFICIENT'],
      [[line(plenty), line(999_999_999)], 422, 'PRODUCT_NOT_FOUND'],
      [[line(free)], 422, 'VALIDATION_FAILED'],
      [[line(dear, 100)], 422, 'AMOUNT_TOO_LARGE'],
      [[], 400, 'MALFORMED_REQUEST'],
      [[line(plenty), line(plenty)], 400, 'MALFORMED_REQUEST'],
      [[line(plenty, 0)], 400, 'MALFORMED_REQUEST'],
      [[line(plenty, -1)], 400, 'MALFORMED_REQUEST'],
      [[line(plenty, 10_001)], 400, 'MALFORMED_REQUEST'],
      [Array.from({ length: 51 }, (_none, i) => line(i + 1)), 400, 'MALFORMED_REQUEST'],
    ] as const) {
      expect(await place({ userId, lines })).toMatchObject({ status, body: { code } });
    }
    expect(await place({ userId: 999_999_999, lines: [line(plenty)] })).toMatchObject({
      status: 404,
      body: { code: 'USER_NOT_FOUND' },
    });
    expect(await everything()).toEqual(before);
    expect(await database.pool.query('select reserved from stocks where product_id = $1', [plenty])).toEqual([
      { reserved: 0 },
    ]);
  });

  test('the last item goes to one of many', async () => {
    const userId = await store.user();
    const [a, b] = [await store.product({ stock: 5 }), await store.product({ stock: 5 })];
    const lines = [a, b].map((productId) => ({ productId, qty: 1 }));
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_none, i) => place({ userId, lines: i % 2 === 0 ? lines : [...lines].reverse() })),
    );
    expect(replies.map((reply) => reply.status).sort()).toEqual([
      ...Array<number>(5).fill(201),
      ...Array<number>(7).fill(422),
    ]);
  });

  test('unknown orders and sagas are not found', async () => {
    for (const path of ['/v1/orders/999999999', '/v1/orders/999999999/payment']) {
      expect(await call('GET', `${monolith.url}${path}`)).toMatchObject({
        status: 404,
        body: { code: 'ORDER_NOT_FOUND' },
      });
    }
    expect(await call('GET', `${monolith.url}/v1/sagas/999999999`)).toMatchObject({
      status: 404,
      body: { code: 'SAGA_NOT_FOUND' },
    });
    expect((await call('GET', `${monolith.url}/v1/sagas/x`)).status).toBe(400);
  });

  test('a saga is shown with its steps, what they made, and what it waits for', async () => {
    const { id, userId } = await store.payable();
    const { body } = await pay(id, { userId }, sagas, { prefer: 'respond-async' });
    const sagaId = Number(body['sagaId']);
    await database.pool.query(
      `insert into saga_step_execution (saga_id, step_name, step_no, op, status, output_data) values ($1, 'validateOrder', 1, 'EXECUTE', 'SUCCESS', '{"due": 1000}')`,
      [sagaId],
    );
    await database.pool.query(
      `update saga_state set attempts = 9, last_error = 'no disk', next_run_at = now(), attention_at = now() where saga_id = $1`,
      [sagaId],
    );
    const reply = await call('GET', `${monolith.url}/v1/sagas/${sagaId}`);
    const time: unknown = expect.any(String);
    expect(reply.body).toEqual({
      ...{ sagaId, orderId: id, type: 'orchestration', version: 1, status: 'RUNNING', currentStep: 'accepted' },
      ...{ attempts: 9, lastError: 'no disk', failureCode: null, prunedAt: null },
      ...{ nextRunAt: time, attentionAt: time, deadlineAt: time, createdAt: time, updatedAt: time },
      steps: [
        {
          ...{ name: 'validateOrder', no: 1, op: 'EXECUTE', status: 'SUCCESS' },
          ...{ output: { due: 1000 }, error: null, executedAt: time },
        },
      ],
    });
    expect(sagaAnswer.strict().parse(reply.body)).toEqual(reply.body);
  });
});

describe('top-ups', () => {
  const topUp = (userId: number | string, amountWon: unknown, key: string | undefined) =>
    call(
      'POST',
      `${monolith.url}/v1/users/${userId}/top-ups`,
      { amountWon },
      key === undefined ? {} : { 'idempotency-key': key },
    );
  const balanceOf = (userId: number) =>
    database.pool.query(
      'select b.amount, b.version, l.kind, l.balance_after from balances b join balance_ledger l using (user_id, version) where user_id = $1',
      [userId],
    );

  test('the money comes once per key, however often and at once it is sent', async () => {
    const userId = await store.user({ balance: 100 });
    const replies = await Promise.all(Array.from({ length: 16 }, () => topUp(userId, 50, 'key-1')));
    for (const reply of [...replies, await topUp(userId, 50, 'key-1')]) {
      expect(reply).toMatchObject({ status: 201, body: { userId, amountWon: 50, balanceWon: 150 } });
    }
    expect(await balanceOf(userId)).toEqual([{ amount: 150, version: 2, kind: 'TOPUP', balance_after: 150 }]);
    expect(await topUp(userId, 51, 'key-1')).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(await topUp(await store.user(), 50, 'key-1')).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
  });

  test('a first balance begins its own ledger', async () => {
    const [user] = await database.pool.query<{ id: number }>('insert into users default values returning id');
    const userId = user?.id ?? 0;
    expect(await topUp(userId, 70, 'first')).toMatchObject({ status: 201, body: { balanceWon: 70 } });
    expect(await balanceOf(userId)).toEqual([{ amount: 70, version: 1, kind: 'TOPUP', balance_after: 70 }]);
  });

  test('bad ones change nothing', async () => {
    const userId = await store.user({ balance: Number.MAX_SAFE_INTEGER - 10 });
    const before = await everything();
    expect(await topUp(userId, 50, undefined)).toMatchObject({ status: 400 });
    expect(await topUp(userId, 50, 'x'.repeat(201))).toMatchObject({ status: 400 });
    for (const amount of [0, -1, 1.5, '50', null, 1_000_000_001])
      expect(await topUp(userId, amount, 'bad')).toMatchObject({ status: 400 });
    expect(await topUp('x', 50, 'bad')).toMatchObject({ status: 400 });
    expect(await topUp(999_999_999, 50, 'nobody')).toMatchObject({ status: 404, body: { code: 'USER_NOT_FOUND' } });
    expect(await topUp(userId, 50, 'too much')).toMatchObject({ status: 400 });
    expect(await topUp(userId, 50, 'too-much')).toMatchObject({ status: 422, body: { code: 'AMOUNT_TOO_LARGE' } });
    expect(await everything()).toEqual(before);
  });
});

describe('faults, limits and shutdown', () => {
  const engine = (submit: PaymentEngine['submit']): PaymentEngine => ({
    name: 'legacy',
    start: async () => undefined,
    submit,
    stop: async () => undefined,
  });
  const startWith = (submit: PaymentEngine['submit'], overrides: RouterOverrides = {}, env: NodeJS.ProcessEnv = {}) =>
    start({ SAGASHIFT_ENGINE: 'legacy', ...env }, { engines: { legacy: engine(submit) }, ...overrides });

  test.each<[string, PaymentEngine['submit']]>([
    ['before anything was accepted', () => Promise.reject(new Error('no connection'))],
    ['in the one transaction', async () => ({ settled: Promise.reject(new Error('deadlock')) })],
    ['of an engine that sends back for ever', async () => ({ settled: Promise.resolve({ kind: 'reroute' }) })],
  ])('a fault %s is 503 with Retry-After', async (_name, submit) => {
    const router = await startWith(submit);
    const reply = await pay(1, { userId: 1 }, router);
    expect(reply).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect(reply.headers.get('retry-after')).toBe('1');
    await router.stop();
  });

  test('a fault after a saga has accepted the payment is 202: the saga goes on', async () => {
    const router = await startWith(async () => ({ sagaId: 5, settled: Promise.reject(new Error('no Redis')) }));
    expect(await pay(1, { userId: 1 }, router)).toMatchObject({ status: 202, body: { sagaId: 5 } });
    await router.stop();
  });

  test('an engine that accepts nothing within the wait limit is told to stop, and the client to come again', async () => {
    let aborted = false;
    const router = await startWith(
      (_command, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new Error('stopped'));
          });
        }),
      {},
      { SAGASHIFT_WAIT_LIMIT_MS: '50' },
    );
    expect(await pay(1, { userId: 1 }, router)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    await router.stop();
    expect(aborted).toBe(true);
  });

  test('a client that hangs up does not take an accepted payment along', async () => {
    const { id, userId } = await store.payable();
    let accepted: () => void = () => undefined;
    let goOn: () => void = () => undefined;
    const isAccepted = new Promise<void>((resolve) => {
      accepted = resolve;
    });
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const real = createLeanEngine({ config: config(), metrics, log: createLog('engine', 'silent'), clock: Date.now });
    await real.start();
    let seen: AbortSignal | undefined;
    const router = await startWith(async (command, signal) => {
      seen = signal;
      const settled = mayGoOn.then(() => real.submit(command, signal)).then((submission) => submission.settled);
      setImmediate(accepted);
      return { settled };
    });
    const leaving = new AbortController();
    const asked = fetch(`${router.url}/v1/orders/${id}/payments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId }),
      signal: leaving.signal,
    }).catch(() => 'gone');
    await isAccepted;
    leaving.abort();
    expect(await asked).toBe('gone');
    const stopping = router.stop(); // waits for the payment in work
    goOn();
    await stopping;
    await real.stop();
    expect(seen?.aborted).toBe(false);
    expect((await call('GET', `${monolith.url}/v1/orders/${id}/payment`)).body).toMatchObject({ status: 'PAID' });
  });

  test('too many payments in work are turned away, of one user and of all', async () => {
    let finish: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let inWork = 0;
    const router = await startWith(
      async () => {
        inWork += 1;
        return { settled: done.then(() => ({ kind: 'unchanged', code: 'ORDER_NOT_FOUND' })) };
      },
      {},
      { SAGASHIFT_PAYMENTS_IN_FLIGHT: '3', SAGASHIFT_PAYMENTS_PER_USER: '2' },
    );
    const held = [pay(1, { userId: 1 }, router), pay(2, { userId: 1 }, router)];
    while (inWork < 2) await new Promise(setImmediate);
    expect(await pay(3, { userId: 1 }, router)).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    held.push(pay(4, { userId: 2 }, router));
    while (inWork < 3) await new Promise(setImmediate);
    const full = await pay(5, { userId: 3 }, router);
    expect(full).toMatchObject({ status: 503, body: { code: 'OVERLOADED' } });
    expect(full.headers.get('retry-after')).toBe('1');
    finish();
    for (const reply of await Promise.all(held)) expect(reply.status).toBe(404);
    expect((await pay(6, { userId: 1 }, router)).status).toBe(404);
    await router.stop();
  });

  test('a stop answers what is still open after its limit with 202', async () => {
    let accepted: () => void = () => undefined;
    const isAccepted = new Promise<void>((resolve) => {
      accepted = resolve;
    });
    const router = await startWith(
      async () => {
        accepted();
        return { sagaId: 9, settled: new Promise(() => undefined) };
      },
      { drainMs: 50 },
    );
    const asked = pay(1, { userId: 1 }, router);
    await isAccepted;
    await router.stop();
    expect(await asked).toMatchObject({ status: 202, body: { sagaId: 9 } });
  });

  test('a start that fails leaves nothing open', async () => {
    const taken = new URL(monolith.url).port;
    let stopped = false;
    const spare = { ...engine(() => Promise.reject(new Error('never'))), stop: async () => void (stopped = true) };
    await expect(
      start({ SAGASHIFT_ENGINE: 'legacy', SAGASHIFT_PORT: taken }, { engines: { legacy: spare } }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(stopped).toBe(true);
    const broken = { ...spare, start: () => Promise.reject(new Error('no Redis')) };
    await expect(start({ SAGASHIFT_ENGINE: 'legacy' }, { engines: { legacy: broken } })).rejects.toThrow('no Redis');
  });

  test('a database that is gone is 503, not a refusal', async () => {
    const lost = await freshDatabase(1);
    const router = await start({ DATABASE_URL: lost.url, SAGASHIFT_ENGINE: 'legacy-lean' }, {});
    await lost.drop();
    expect(await call('GET', `${router.url}/v1/orders/1`)).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE' },
    });
    expect(await pay(1, { userId: 1 }, router)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    await router.stop();
  });
});

test('says that it lives, is ready and what it offers', async () => {
  expect(await call('GET', `${monolith.url}/healthz`)).toMatchObject({ status: 200 });
  expect(await call('GET', `${monolith.url}/readyz`)).toMatchObject({ status: 200 });
  const { body } = await call('GET', `${monolith.url}/openapi.json`);
  expect(body).toMatchObject({ openapi: '3.1.0' });
  const metricsText = await (await fetch(`${monolith.url}/metrics`)).text();
  expect(metricsText).toContain('payment_duration_seconds_bucket');
});
