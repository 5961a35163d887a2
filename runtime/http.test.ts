import { request } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Listening, listen, newApp, serveOperations } from './http.ts';
import { createMetrics } from './metrics.ts';
import { problem } from './problem.ts';

describe('the HTTP server', () => {
  let server: Listening | undefined;
  afterEach(() => server?.close());

  test('serves metrics, health and readiness', async () => {
    const app = newApp();
    let ready: () => Promise<boolean> = () => Promise.resolve(true);
    const metrics = createMetrics();
    metrics.commits.inc(3);
    serveOperations(app, metrics, () => ready());
    server = await listen(app, '127.0.0.1', 0);
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toContain('payment_db_commits_total 3');
    const health = await fetch(`${server.url}/healthz`);
    expect(health.headers.get('x-powered-by')).toBeNull();
    expect(await health.json()).toEqual({ status: 'ok' });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    ready = () => Promise.reject(new Error('database gone'));
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  });

  test('is ready by default', async () => {
    const app = newApp();
    serveOperations(app, createMetrics());
    server = await listen(app, '127.0.0.1', 0);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  test('answers what is in hand before it closes, then takes no more', async () => {
    const app = newApp();
    let arrived: () => void = () => undefined;
    let answer: () => void = () => undefined;
    const inHand = new Promise<void>((resolve) => (arrived = resolve));
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    app.get('/slow', async (_req, res) => {
      arrived();
      await mayAnswer;
      res.send('done');
    });
    server = await listen(app, '127.0.0.1', 0);
    const { url } = server;
    const slow = fetch(`${url}/slow`);
    await inHand;
    const closed = server.close();
    expect(server.close()).toBe(closed);
    answer();
    expect(await (await slow).text()).toBe('done');
    await closed;
    await expect(fetch(url)).rejects.toThrow();
  });

  test('rejects when the port is taken', async () => {
    server = await listen(newApp(), '127.0.0.1', 0);
    await expect(listen(newApp(), '127.0.0.1', server.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('writes an IPv6 host in brackets', async () => {
    server = await listen(newApp(), '::1', 0).catch(() => listen(newApp(), '127.0.0.1', 0));
    expect(server.url).toMatch(/^http:\/\/(\[::1\]|127\.0\.0\.1):\d+$/);
  });

  test('answers a problem as RFC 9457 has it', async () => {
    const app = newApp();
    app.get('/busy', (_req, res) => {
      problem(res, { status: 503, code: 'BUSY', title: 'Too busy', detail: 'try later', retryAfter: 2 });
      problem(res, { status: 500, code: 'LATE', title: 'Too late' });
    });
    app.get('/plain', (_req, res) => problem(res, { status: 404, code: 'NOT_HERE', title: 'Not here' }));
    server = await listen(app, '127.0.0.1', 0);
    const busy = await fetch(`${server.url}/busy`);
    expect([busy.status, busy.headers.get('content-type'), busy.headers.get('retry-after')]).toEqual([
      503,
      'application/problem+json; charset=utf-8',
      '2',
    ]);
    expect(await busy.json()).toEqual({
      type: 'about:blank',
      title: 'Too busy',
      status: 503,
      code: 'BUSY',
      detail: 'try later',
    });
    const plain = await fetch(`${server.url}/plain`);
    expect(plain.headers.get('retry-after')).toBeNull();
    expect(await plain.json()).toEqual({ type: 'about:blank', title: 'Not here', status: 404, code: 'NOT_HERE' });
  });

  test('closes a kept-alive connection that is idle', async () => {
    const app = newApp();
    app.get('/', (_req, res) => {
      res.send('ok');
    });
    server = await listen(app, '127.0.0.1', 0);
    const { port } = server;
    await new Promise<void>((resolve, reject) => {
      const req = request({ host: '127.0.0.1', port, headers: { connection: 'keep-alive' } }, (res) => {
        res.resume().on('end', resolve);
      });
      req.on('error', reject).end();
    });
    const before = performance.now();
    await server.close();
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});
