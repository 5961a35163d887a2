import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { OrderPlan } from '../dataset/plan.ts';
import { runClosedLoop } from './closed-loop.ts';
import type { Load } from './driver.ts';
import { classify } from './answer.ts';
import { isFinal, tally } from './operation.ts';

let server: Server | undefined;
afterEach(async () => {
  const running = server;
  server = undefined;
  if (running === undefined) return;
  running.closeAllConnections();
  await new Promise((resolve) => running.close(resolve));
});

type Reply = (
  orderId: number,
  body: { userId: number; couponId?: number },
) => { status: number; body: unknown; afterMs?: number } | 'reset';

async function serve(reply: Reply): Promise<string> {
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const answer = reply(
        Number(/orders\/(\d+)\/payments/.exec(request.url ?? '')?.[1]),
        JSON.parse(text) as { userId: number },
      );
      if (answer === 'reset') return request.socket.destroy();
      setTimeout(() => response.writeHead(answer.status).end(JSON.stringify(answer.body)), answer.afterMs ?? 0);
      return undefined;
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const plans = (count: number): OrderPlan[] =>
  Array.from({ length: count }, (_, i) => ({
    orderId: i + 1,
    userId: 7,
    couponId: i % 2 ? i : null,
    expect: 'PAID' as const,
  }));
const load = (urls: string[], rest: Partial<Load> = {}): Load => ({
  urls,
  clients: 4,
  orders: plans(100_000),
  leadInMs: 50,
  windowMs: 300,
  requestTimeoutMs: 5_000,
  ...rest,
});
const never = new AbortController().signal;

describe('closed loop', () => {
  test('asks for each order once, waits for every answer, and knows the window', async () => {
    const seen: number[] = [];
    const url = await serve((orderId, body) => {
      seen.push(orderId);
      expect(body).toEqual(orderId % 2 ? { userId: 7 } : { userId: 7, couponId: orderId - 1 });
      return { status: 201, body: { paymentId: orderId + 1_000, engine: 'legacy' }, afterMs: 5 };
    });
    const { operations, window, endedEarly } = await runClosedLoop(load([url]), never);
    expect(new Set(seen).size).toBe(seen.length);
    expect(operations.map((one) => one.orderId).sort((a, b) => a - b)).toEqual(seen.sort((a, b) => a - b));
    expect(operations.every((one) => isFinal(one) && one.paymentId === one.orderId + 1_000)).toBe(true);
    expect(Math.min(...operations.map((one) => one.endedAt - one.startedAt))).toBeGreaterThanOrEqual(4);
    expect(window[1] - window[0]).toBeCloseTo(300, 3);
    expect(endedEarly).toBe(false);
    expect(operations.length).toBeGreaterThan(4); // more than the clients: who has its answer asks again
  });

  test('ends early when the orders run out, with all of them answered', async () => {
    const url = await serve(() => ({ status: 422, body: { code: 'BALANCE_INSUFFICIENT' }, afterMs: 1 }));
    const { operations, window, endedEarly } = await runClosedLoop(
      load([url], { orders: plans(20), windowMs: 5_000 }),
      never,
    );
    expect(operations).toHaveLength(20);
    expect(endedEarly).toBe(true);
    expect(window[1] - window[0]).toBeLessThan(5_000);
    expect(tally(operations)).toMatchObject({ outcomes: { refused: 20 }, refusals: { BALANCE_INSUFFICIENT: 20 } });
  });

  test('a connection cut in the middle leaves its order unknown and goes on with the next', async () => {
    const url = await serve((orderId) => (orderId === 3 ? 'reset' : { status: 201, body: { paymentId: 1 } }));
    const { operations } = await runClosedLoop(load([url], { orders: plans(30), windowMs: 5_000 }), never);
    expect(operations).toHaveLength(30);
    expect(operations.filter((one) => one.outcome === 'unknown')).toMatchObject([
      { orderId: 3, code: 'CONNECTION_LOST', status: 0 },
    ]);
  });

  test('a server that is gone costs a bounded number of orders', async () => {
    const url = await serve(() => 'reset');
    server?.close();
    const { operations } = await runClosedLoop(load([url], { windowMs: 3_000 }), never);
    expect(operations.length).toBeLessThan(80);
    expect(operations.every((one) => one.outcome === 'unknown')).toBe(true);
  });

  test('an abort ends the run', async () => {
    const url = await serve(() => ({ status: 201, body: { paymentId: 1 }, afterMs: 1 }));
    const stop = new AbortController();
    const running = runClosedLoop(load([url], { windowMs: 60_000 }), stop.signal);
    setTimeout(() => {
      stop.abort(new Error('stopped'));
    }, 100);
    await expect(running).rejects.toThrow('stopped');
  });

  test('clients are spread over the routers', async () => {
    const counts = new Map<string, number>();
    const url = await serve((orderId) => {
      counts.set('a', (counts.get('a') ?? 0) + 1);
      return { status: 201, body: { paymentId: orderId }, afterMs: 2 };
    });
    const other = createServer((_, response) => {
      counts.set('b', (counts.get('b') ?? 0) + 1);
      setTimeout(() => response.writeHead(201).end('{"paymentId":1}'), 2);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    await runClosedLoop(
      load([url, `http://127.0.0.1:${(other.address() as AddressInfo).port}`], { clients: 3 }),
      never,
    );
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    expect([...counts.keys()].sort()).toEqual(['a', 'b']);
  });
});

describe('what an answer means', () => {
  test.each([
    [201, '{"paymentId":5,"engine":"legacy"}', { outcome: 'paid', paymentId: 5, engine: 'legacy' }],
    [201, '{}', { outcome: 'unknown', code: 'HTTP_201' }],
    [202, '{}', { outcome: 'unknown', code: 'HTTP_202' }],
    [422, '{"code":"COUPON_UNUSABLE"}', { outcome: 'refused', code: 'COUPON_UNUSABLE' }],
    [422, 'oops', { outcome: 'unknown', code: 'HTTP_422' }],
    [409, '{"code":"PAYMENT_IN_PROGRESS"}', { outcome: 'failed', code: 'PAYMENT_IN_PROGRESS' }],
    [503, '', { outcome: 'failed', code: 'HTTP_503' }],
    [500, '[]', { outcome: 'unknown', code: 'HTTP_500' }],
    [504, 'null', { outcome: 'unknown', code: 'HTTP_504' }],
  ])('%i %s', (status, body, meaning) => {
    expect(classify(status, body)).toMatchObject(meaning);
  });

  test('faults are counted by code', () => {
    const { faults, outcomes } = tally([
      {
        ...classify(503, ''),
        orderId: 1,
        userId: 1,
        couponId: null,
        expect: 'PAID',
        intendedAt: 0,
        startedAt: 0,
        endedAt: 1,
        status: 503,
      },
      {
        ...classify(500, ''),
        orderId: 2,
        userId: 1,
        couponId: null,
        expect: 'PAID',
        intendedAt: 0,
        startedAt: 0,
        endedAt: 1,
        status: 500,
      },
    ]);
    expect(faults).toEqual({ HTTP_503: 1, HTTP_500: 1 });
    expect(outcomes).toEqual({ paid: 0, refused: 0, failed: 1, unknown: 1 });
  });
});
