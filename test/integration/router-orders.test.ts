import { describe, expect, test } from '@jest/globals';
import { sagaAnswer } from '../../router/api-schemas.ts';
import { call } from '../support/api-client.ts';
import { routerStage } from '../support/router-stage.ts';

const on = routerStage();
const { pay, everything } = on;

describe('orders', () => {
  const place = (body: unknown) => call('POST', `${on.monolith.url}/v1/orders`, body);

  test('an order takes its prices from the products and reserves its stock, and can be paid', async () => {
    const userId = await on.store.user();
    const [one, two] = [
      await on.store.product({ price: 500, stock: 10 }),
      await on.store.product({ price: 30, stock: 3 }),
    ];
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
    const shown = await call('GET', `${on.monolith.url}/v1/orders/${orderId}`);
    expect(shown.body).toEqual({
      ...body,
      lines: [
        { productId: one, qty: 2, unitPrice: 500 },
        { productId: two, qty: 3, unitPrice: 30 },
      ],
    });
    expect(
      await on.database.pool.query(
        'select product_id, available, reserved from stocks where product_id = any($1) order by 1',
        [[one, two]],
      ),
    ).toEqual([
      { product_id: one, available: 8, reserved: 2 },
      { product_id: two, available: 0, reserved: 3 },
    ]);
    expect(
      await on.database.pool.query('select product_id, kind, qty from stock_ledger where order_id = $1 order by 1', [
        orderId,
      ]),
    ).toEqual([
      { product_id: one, kind: 'RESERVE', qty: 2 },
      { product_id: two, kind: 'RESERVE', qty: 3 },
    ]);
    expect(await pay(orderId, { userId })).toMatchObject({ status: 201, body: { amount: 1_090 } });
    expect((await call('GET', `${on.monolith.url}/v1/orders/${orderId}/payment`)).body).toMatchObject({
      status: 'PAID',
      amount: 1_090,
      paymentId: expect.any(Number),
    });
  });

  test('what cannot be had is refused as a whole', async () => {
    const userId = await on.store.user();
    const [plenty, scarce, free] = [
      await on.store.product(),
      await on.store.product({ stock: 1 }),
      await on.store.product({ price: 0 }),
    ];
    const dear = await on.store.product({ price: 9_000_000_000_000_000, stock: 1_000 });
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
    expect(await on.database.pool.query('select reserved from stocks where product_id = $1', [plenty])).toEqual([
      { reserved: 0 },
    ]);
  });

  test('the last item goes to one of many', async () => {
    const userId = await on.store.user();
    const [a, b] = [await on.store.product({ stock: 5 }), await on.store.product({ stock: 5 })];
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
      expect(await call('GET', `${on.monolith.url}${path}`)).toMatchObject({
        status: 404,
        body: { code: 'ORDER_NOT_FOUND' },
      });
    }
    expect(await call('GET', `${on.monolith.url}/v1/sagas/999999999`)).toMatchObject({
      status: 404,
      body: { code: 'SAGA_NOT_FOUND' },
    });
    expect((await call('GET', `${on.monolith.url}/v1/sagas/x`)).status).toBe(400);
  });

  test('a saga is shown with its steps, what they made, and what it waits for', async () => {
    const { id, userId } = await on.store.payable();
    const { body } = await pay(id, { userId }, on.sagas, { prefer: 'respond-async' });
    const sagaId = Number(body['sagaId']);
    await on.database.pool.query(
      `insert into saga_step_execution (saga_id, step_name, step_no, op, status, output_data) values ($1, 'validateOrder', 1, 'EXECUTE', 'SUCCESS', '{"due": 1000}')`,
      [sagaId],
    );
    await on.database.pool.query(
      `update saga_state set attempts = 9, last_error = 'no disk', next_run_at = now(), attention_at = now() where saga_id = $1`,
      [sagaId],
    );
    const reply = await call('GET', `${on.monolith.url}/v1/sagas/${sagaId}`);
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
