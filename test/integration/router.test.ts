import { describe, expect, test } from '@jest/globals';
import { call } from '../support/api-client.ts';
import { routerStage } from '../support/router-stage.ts';

const on = routerStage();
const { pay, everything, metrics } = on;

describe('paying', () => {
  test('a paid order is answered 201 with what was paid, by whom and why there', async () => {
    const { id, userId, total } = await on.store.payable({ price: 700, qty: 2 });
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
    const { id, userId } = await on.store.payable();
    const first = await pay(id, { userId });
    const again = await pay(id, { userId, couponId: null });
    expect(again.status).toBe(201);
    expect(again.body).toEqual({ ...first.body, route: { ...(first.body['route'] as object), reason: 'affinity' } });
    expect(await on.database.pool.query('select from payments where order_id = $1', [id])).toHaveLength(1);
  });

  test('a coupon is taken off', async () => {
    const { id, userId, total } = await on.store.payable({ price: 1_000 });
    const couponId = await on.store.coupon({ userId, discount: 300 });
    expect((await pay(id, { userId, couponId })).body).toMatchObject({ amount: total - 300 });
  });

  test('a refusal is a problem with a stable code, and stays the answer', async () => {
    const { id, userId } = await on.store.payable({ balance: 10, price: 1_000 });
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
    const { id, userId } = await on.store.payable();
    const stranger = await on.store.user();
    const foreign = await on.store.coupon({ userId: stranger });
    const paid = await on.store.payable();
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
    const { id, userId } = await on.store.payable();
    await on.database.pool.query(`update orders set status = 'PAYMENT_FAILED' where id = $1`, [id]);
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

describe('a payment that takes its time', () => {
  test('Prefer: respond-async is answered 202 with the place to look', async () => {
    const { id, userId } = await on.store.payable();
    const { status, body, headers } = await pay(id, { userId }, on.sagas, { prefer: 'wait=10, respond-async' });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/v1/orders/${id}/payment`);
    expect(body).toMatchObject({
      orderId: id,
      status: 'ACCEPTED',
      engine: 'orchestration',
      sagaId: expect.any(Number),
      route: { side: 'saga' },
    });
    const shown = await call('GET', `${on.sagas.url}${headers.get('location') ?? ''}`);
    expect(shown.body).toMatchObject({
      orderId: id,
      userId,
      status: 'PENDING',
      sagaId: body['sagaId'],
      route: { side: 'saga', reason: 'pinned' },
    });
  });

  test('so is one that is still open at the wait limit, and a second request of it is told to wait', async () => {
    const { id, userId } = await on.store.payable();
    expect((await pay(id, { userId }, on.sagas)).status).toBe(202);
    const second = await pay(id, { userId }, on.sagas);
    expect(second).toMatchObject({ status: 409, body: { code: 'PAYMENT_IN_PROGRESS', orderId: id } });
    expect(second.headers.get('retry-after')).toBe('1');
  });

  test('who does not want to wait still gets an answer that is there', async () => {
    expect(await pay(999_999_999, { userId: 1 }, on.sagas, { prefer: 'respond-async' })).toMatchObject({ status: 404 });
  });

  test('a final answer of a saga names the saga', async () => {
    const { id, userId } = await on.store.payable();
    on.saga.settle(() => ({ kind: 'unchanged', code: 'PAYMENT_IN_PROGRESS' }));
    const asked = pay(id, { userId }, on.sagas);
    while (on.saga.open() === 0) await new Promise(setImmediate);
    on.saga.settle(({ route }) => ({
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

test('says that it lives, is ready and what it offers', async () => {
  expect(await call('GET', `${on.monolith.url}/healthz`)).toMatchObject({ status: 200 });
  expect(await call('GET', `${on.monolith.url}/readyz`)).toMatchObject({ status: 200 });
  const { body } = await call('GET', `${on.monolith.url}/openapi.json`);
  expect(body).toMatchObject({ openapi: '3.1.0' });
  const metricsText = await (await fetch(`${on.monolith.url}/metrics`)).text();
  expect(metricsText).toContain('payment_duration_seconds_bucket');
});
