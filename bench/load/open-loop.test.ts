import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Load } from './driver.ts';
import { openLoopDriver } from './open-loop.ts';

let server: Server | undefined;
afterEach(async () => {
  const running = server;
  server = undefined;
  running?.closeAllConnections();
  if (running !== undefined) await new Promise((resolve) => running.close(resolve));
});

/** Answers by the number of the request; a promise holds the answer back. */
async function serve(
  answer: (n: number, orderId: number, body: unknown) => Promise<[number, unknown] | 'reset'>,
): Promise<string> {
  let n = 0;
  server = createServer((request, response) => {
    const mine = n++;
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const orderId = Number(/orders\/(\d+)\//.exec(request.url ?? '')?.[1]);
      void answer(mine, orderId, JSON.parse(text)).then((reply) => {
        if (reply === 'reset') request.socket.destroy();
        else response.writeHead(reply[0]).end(JSON.stringify(reply[1]));
      });
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const load = (url: string, rest: Partial<Load> = {}): Load => ({
  urls: [url],
  clients: 64,
  orders: Array.from({ length: 1_000 }, (_, i) => ({
    orderId: i + 1,
    userId: 7,
    couponId: i % 2 ? i : null,
    expect: 'PAID' as const,
  })),
  leadInMs: 20,
  windowMs: 180,
  requestTimeoutMs: 5_000,
  ...rest,
});
const never = new AbortController().signal;

describe('the open loop', () => {
  test('asks for every order that is due once, evenly, and reads each answer', async () => {
    const seen: unknown[] = [];
    const url = await serve(async (_, orderId, body) => {
      seen.push([orderId, body]);
      return [201, { paymentId: orderId + 1_000, engine: 'legacy' }];
    });
    const { operations, window, arrivals, endedEarly } = await openLoopDriver(200)(load(url), never);
    expect(operations).toHaveLength(40);
    expect(seen).toContainEqual([2, { userId: 7, couponId: 1 }]);
    expect(seen).toContainEqual([3, { userId: 7 }]);
    expect(new Set(operations.map((one) => one.orderId)).size).toBe(40);
    expect(operations.every((one) => one.outcome === 'paid' && one.paymentId === one.orderId + 1_000)).toBe(true);
    const due = operations.map((one) => one.intendedAt).sort((a, b) => a - b);
    due.slice(1).forEach((at, i) => {
      expect(at - (due[i] ?? 0)).toBeCloseTo(5, 6);
    });
    expect(operations.every((one) => one.startedAt >= one.intendedAt)).toBe(true);
    expect(window[0] - (due[0] ?? 0)).toBeCloseTo(20, 6);
    expect(arrivals).toEqual({ ratePerSecond: 200, unservedAt: [], thresholds: [] });
    expect(endedEarly).toBe(false);
  });

  test('who comes while all clients wait is not served, and no order is spent on them', async () => {
    const held: (() => void)[] = [];
    const url = await serve((n) => {
      const reply = [201, { paymentId: n, engine: 'legacy' }] as [number, unknown];
      if (n >= 3) return Promise.resolve(reply);
      return new Promise((resolve) => {
        held.push(() => {
          resolve(reply);
        });
        if (n === 2) setTimeout(() => held.forEach((release) => release()), 60);
      });
    });
    const { operations, arrivals } = await openLoopDriver(200)(load(url, { clients: 3 }), never);
    expect(arrivals?.unservedAt.length).toBeGreaterThan(0);
    expect(operations.length + (arrivals?.unservedAt.length ?? 0)).toBe(40);
    expect(operations.map((one) => one.orderId).sort((a, b) => a - b)).toEqual(operations.map((_, i) => i + 1));
  });

  test('a connection that is cut, refused or silent for too long is unknown, never settled', async () => {
    const url = await serve((n) => (n % 2 ? Promise.resolve('reset') : new Promise(() => undefined)));
    const cut = await openLoopDriver(100)(load(url, { requestTimeoutMs: 50 }), never);
    expect(cut.operations).toHaveLength(20);
    expect(new Set(cut.operations.map(({ status, outcome, code }) => `${status} ${outcome} ${code ?? ''}`))).toEqual(
      new Set(['0 unknown CONNECTION_LOST']),
    );
  });

  test('being told to stop ends what is in flight', async () => {
    const stop = new AbortController();
    const url = await serve(() => {
      stop.abort(new Error('interrupted'));
      return new Promise(() => undefined);
    });
    await expect(openLoopDriver(100)(load(url, { windowMs: 60_000 }), stop.signal)).rejects.toThrow('interrupted');
    await expect(openLoopDriver(100)(load(url), stop.signal)).rejects.toThrow('interrupted');
  });
});
