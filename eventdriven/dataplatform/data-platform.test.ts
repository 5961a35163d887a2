import { afterEach, describe, expect, test } from '@jest/globals';
import { request } from 'node:http';
import { type DataPlatform, type DataPlatformOptions, startDataPlatform } from './data-platform.ts';

const running: DataPlatform[] = [];

async function start(options: Partial<DataPlatformOptions> = {}): Promise<DataPlatform> {
  const platform = await startDataPlatform({
    host: '127.0.0.1',
    port: 0,
    latencyMs: 0,
    failureRate: 0,
    seed: 1,
    ...options,
  });
  running.push(platform);
  return platform;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((platform) => platform.stop()));
});

const event = (n: number, eventId = String(n)) => ({
  eventId,
  type: 'payment.completed',
  orderId: n,
  data: { paymentId: n },
});
const post = (url: string, body: unknown, source = 'lean'): Promise<Response> =>
  fetch(`${url}/v1/events/${source}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
const stats = async (url: string): Promise<unknown> => (await fetch(`${url}/v1/stats`)).json();

describe('the data platform', () => {
  test('counts events, repetitions and orders by source', async () => {
    const { url } = await start();
    expect((await post(url, event(1))).status).toBe(202);
    expect(await (await post(url, [event(1), event(2), event(2, '3')])).json()).toEqual({ accepted: 3 });
    await post(url, event(1, 'order-1'), 'legacy');
    expect(await stats(url)).toEqual({
      lean: { requests: 2, failed: 0, events: 4, duplicates: 1, distinctOrders: 2 },
      legacy: { requests: 1, failed: 0, events: 1, duplicates: 0, distinctOrders: 1 },
    });
  });

  test('forgets everything on DELETE', async () => {
    const { url } = await start();
    await post(url, event(1));
    expect(await (await fetch(`${url}/v1/stats`, { method: 'DELETE' })).json()).toEqual({});
    await post(url, event(1));
    expect(await stats(url)).toMatchObject({ lean: { events: 1, duplicates: 0 } });
  });

  test('a request that fails on purpose has no effect, and the same seed fails the same requests', async () => {
    const statuses = async (): Promise<number[]> => {
      const { url } = await start({ failureRate: 0.5, seed: 7 });
      const seen: number[] = [];
      for (let n = 1; n <= 20; n += 1) seen.push((await post(url, event(n))).status);
      const failed = seen.filter((status) => status === 503).length;
      expect(await stats(url)).toMatchObject({ lean: { requests: 20, failed, events: 20 - failed } });
      return seen;
    };
    const first = await statuses();
    expect(new Set(first)).toEqual(new Set([202, 503]));
    expect(await statuses()).toEqual(first);
  });

  test('answers after its latency, also while it is being stopped', async () => {
    const stopper = new AbortController();
    const { url, stop } = await start({ latencyMs: 80, signal: stopper.signal });
    const began = performance.now();
    const answer = post(url, event(1));
    while (Object.keys((await stats(url)) as object).length === 0);
    stopper.abort();
    expect((await answer).status).toBe(202);
    expect(performance.now() - began).toBeGreaterThanOrEqual(79);
    await stop();
    await expect(fetch(url)).rejects.toThrow();
  });

  test.each([
    ['{', 'not JSON'],
    ['[]', '1 to 100 events at once, not 0'],
    [Array.from({ length: 101 }, (_, n) => event(n + 1)), 'not 101'],
    ['null', 'eventId'],
    [[event(1), { ...event(2), eventId: 2 }], 'event 1: eventId'],
    [event(1, ''), 'eventId'],
    [event(1, 'x'.repeat(201)), 'eventId'],
    [{ ...event(1), type: '' }, 'type'],
    [{ ...event(1), orderId: 2 ** 53 }, 'orderId'],
    [{ ...event(1), orderId: 0 }, 'orderId'],
    [{ ...event(1), orderId: '1' }, 'orderId'],
  ])('turns away %j and counts nothing', async (body, reason) => {
    const { url } = await start();
    const answer = await post(url, body);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answer.json()).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
      detail: expect.stringContaining(reason),
    });
    expect(await stats(url)).toEqual({});
  });

  test('turns away a body of more than 1 MB, announced or not', async () => {
    const { url } = await start();
    const body = 'x'.repeat(2 * 1024 * 1024);
    expect((await post(url, body)).status).toBe(413);
    const unannounced = await new Promise<number | undefined>((resolve, reject) => {
      const req = request(`${url}/v1/events/lean`, { method: 'POST' }, (res) => {
        res.resume();
        resolve(res.statusCode);
      });
      req.on('error', reject);
      req.write(body.slice(0, 1024 * 1024));
      req.write(body.slice(1024 * 1024));
      req.end();
    });
    expect(unannounced).toBe(413);
  });

  test('says what there is to whoever asks for something else', async () => {
    const { url } = await start();
    const status = async (path: string, method = 'GET'): Promise<number> =>
      (await fetch(url + path, { method })).status;
    expect(await status('/healthz')).toBe(200);
    expect(await status('/')).toBe(404);
    expect(await status('/v1/events/no%20such')).toBe(404);
    expect(await status('/v1/events/lean')).toBe(405);
    expect(await status('/v1/stats', 'POST')).toBe(405);
  });

  test('takes at most 64 sources, so that its memory has a bound', async () => {
    const { url } = await start();
    for (let n = 0; n < 64; n += 1) await post(url, event(1), `arm-${n}`);
    expect((await post(url, event(1), 'one-more')).status).toBe(429);
    expect((await post(url, event(2), 'arm-0')).status).toBe(202);
  });

  test('says why it cannot listen', async () => {
    const { url } = await start();
    await expect(start({ port: Number(new URL(url).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
