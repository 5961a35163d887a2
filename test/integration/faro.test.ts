import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { bench } from '../../bench/command.ts';
import { runCanary } from '../../router/canary/command.ts';
import { startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { readFaroConfig } from '../../runtime/faro-config.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { openEvents } from '../../runtime/telemetry.ts';
import { call } from '../support/api-client.ts';
import { faroSink, type FaroSink } from '../support/faro-sink.ts';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';

let database: FreshDatabase;
const redis = freshRedis();
const open: { stop(): Promise<void> }[] = [];
beforeAll(async () => {
  database = await freshDatabase();
  const gone = await faroSink();
  nowhere = gone.url;
  await gone.stop();
});
afterAll(() => database.drop());
beforeEach(() => database.pool.query('update rollout set enabled = true, emergency = false, percentage = 0'));
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.stop();
});

async function sink(answer?: (res: ServerResponse) => unknown): Promise<FaroSink> {
  const started = await faroSink(answer);
  open.push(started);
  return started;
}
const apiKey = 'key-that-nobody-may-see';
/** Where nobody listens any more; fetch refuses the well-known ports by itself. */
let nowhere = '';

async function canary(argv: readonly string[], url: string): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const env = { DATABASE_URL: database.url, SAGASHIFT_FARO_URL: url, SAGASHIFT_FARO_API_KEY: apiKey };
  const code = await runCanary(argv, { env, out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join(''), err: err.join('') };
}

describe('a change of the rollout', () => {
  test('is told with who, why, from and to; what changes nothing is not told', async () => {
    const { url, posts } = await sink();
    const by = ['--by', 'kim', '--reason', 'first step'];
    expect((await canary(['set', '5', '--allow', '1,2', ...by], url)).err).toBe('');
    await canary(['set', '5', ...by], url);
    await canary(['rollback', ...by], url);
    await canary(['clear', ...by], url);
    const events = posts.flatMap(({ body }) => body.events ?? []);
    const version = Number((events[0]?.attributes as { fromVersion: string }).fromVersion);
    const change = (step: number) => ({
      actor: 'kim',
      reason: 'first step',
      fromVersion: String(version + step),
      toVersion: String(version + step + 1),
    });
    expect(events).toMatchObject([
      {
        name: 'rollout.changed',
        domain: 'sagashift',
        attributes: { ...change(0), from: '0', to: '5', enabled: 'true', allowed: '2', denied: '0' },
      },
      { name: 'rollback', attributes: { ...change(1), percentage: '5' } },
      { name: 'rollback.cleared', attributes: { ...change(2), percentage: '5' } },
    ]);
    for (const { headers, body } of posts) {
      expect(headers).toMatchObject({ 'x-api-key': apiKey, 'x-faro-session-id': body.meta?.session?.id });
      expect(body.meta?.app?.name).toBe('sagashift-canary');
    }
  });

  test.each<[string, ((res: ServerResponse) => unknown) | undefined, string]>([
    ['is gone', undefined, 'cannot be reached (ECONNREFUSED)'],
    ['never answers', () => undefined, 'does not answer within 2 s'],
    ['fails', (res) => res.writeHead(500).end(), 'answers 500'],
    ['does not know the key', (res) => res.writeHead(401).end(), 'answers 401 (see SAGASHIFT_FARO_API_KEY)'],
    ['finds it too large', (res) => res.writeHead(413).end(), 'answers 413'],
    ['is overrun', (res) => res.writeHead(429, { 'retry-after': '30' }).end(), 'answers 429'],
    ['sends elsewhere', (res) => res.writeHead(307, { location: '/' }).end(), 'answers 307'],
    ['hangs up', (res) => res.destroy(), 'cannot be reached (UND_ERR_SOCKET)'],
  ])('is made and printed when the sink %s; one line says so, without path or key', async (_name, answer, why) => {
    const url = answer === undefined ? nowhere : (await sink(answer)).url;
    const { code, out, err } = await canary(['rollback', '--reason', 'error rate'], url);
    expect(code).toBe(0);
    expect(out).toMatch(/emergency {3}ON/);
    const { origin } = new URL(url);
    expect(err).toBe(
      `the Faro sink at ${origin} ${why}; events are dropped until it answers, nothing else waits for it\n`,
    );
  });

  test.each(['nonsense', 'ftp://x', 'http://kim:hidden@127.0.0.1/collect'])(
    'a rollback is made although SAGASHIFT_FARO_URL is %s, and the value is not repeated',
    async (url) => {
      const { code, err } = await canary(['rollback', '--reason', 'error rate'], url);
      expect(code).toBe(0);
      expect(err).toMatch(/SAGASHIFT_FARO_URL: [^]*\nthe change is made; nobody was told\n$/);
      expect(err).not.toContain(url);
      expect(err).not.toContain(apiKey);
    },
  );
});

describe('a process', () => {
  const entry = new URL('../../runtime/telemetry.ts', import.meta.url).href;
  async function run(script: string, url: string, signal?: NodeJS.Signals): Promise<{ code: unknown; err: string }> {
    const source = `
      import { openEvents } from '${entry}';
      const say = (line) => process.stderr.write(line + '\\n');
      const events = await openEvents({ url: '${url}' }, { app: 'a', session: 's', say });
      ${script}`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    if (signal !== undefined) child.stdout.once('data', () => child.kill(signal));
    const [code] = (await once(child, 'close')) as [unknown];
    return { code, err };
  }
  const push = `events.push('rollback.effective', { router: 'r', version: 1 });`;

  test('ends by itself although it never said stop, and what was pushed a moment ago does not hold it', async () => {
    expect(await run(`for (let i = 0; i < 5; i += 1) ${push}`, nowhere)).toEqual({ code: 0, err: '' });
  });

  test('that says stop at Ctrl-C is held by a silent sink for the time-out of one post, and prints one line', async () => {
    const { url, posts } = await sink(() => undefined);
    const script = `
      process.once('SIGINT', async () => { await events.stop(); process.exitCode = 3; clearInterval(timer); });
      const timer = setInterval(() => undefined, 1_000);
      ${push} console.log('ready');`;
    const { code, err } = await run(script, url, 'SIGINT');
    expect(code).toBe(3);
    expect(err.split('\n')).toEqual([expect.stringMatching(/does not answer within 2 s/), '']);
    expect(posts).toHaveLength(1);
  });

  test('delivers everything that fits its buffer, each event once', async () => {
    const { url, posts } = await sink();
    const events = await openEvents({ url, apiKey: undefined }, { app: 'a', session: 's', say: () => undefined });
    for (let version = 0; version < 500; version += 1) events.push('rollback.effective', { router: 'r', version });
    await events.stop();
    const versions = posts.flatMap(({ body }) =>
      (body.events ?? []).map(({ attributes }) => Number((attributes as { version: string }).version)),
    );
    expect([...versions].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_none, i) => i));
    expect(posts[0]?.headers).not.toHaveProperty('x-api-key');
  });
});

describe('a router', () => {
  async function start(url: string) {
    const lines: { level: number; msg: string }[] = [];
    const log = createLog('router', 'info', { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[0]) });
    const metrics = createMetrics();
    const config = readConfig({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      SAGASHIFT_KEY_PREFIX: redis.prefix,
      SAGASHIFT_ENGINE: 'legacy-lean',
      SAGASHIFT_WORKER_ID: 'router-1',
      SAGASHIFT_FARO_URL: url,
    });
    const router = await startRouter(config, { log, metrics, pollMs: 10 });
    open.push(router);
    return { router, metrics, warnings: () => lines.filter(({ level }) => level >= 40).map(({ msg }) => msg) };
  }
  /** The test's own time-out is the limit. */
  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  test('tells what it applies, and that a rollback is in force here', async () => {
    const { url, names, posts } = await sink();
    const { router, metrics } = await start(url);
    await canary(['rollback', '--reason', 'x'], nowhere);
    await until(() => names().includes('rollback.effective'));
    await router.stop();
    expect(names()).toEqual(['rollout.applied', 'rollout.applied', 'rollback.effective']);
    expect(posts.flatMap(({ body }) => body.events ?? [])[1]?.attributes).toMatchObject({
      router: 'router-1',
      emergency: 'true',
      from: '0',
      to: '0',
    });
    expect(await metrics.registry.metrics()).toContain('business_events_total{result="sent"} 3');
  });

  test('pays while the sink is dead, says one line, and counts what it drops', async () => {
    const { router, metrics, warnings } = await start(nowhere);
    const dropped = async () =>
      (await metrics.registry.metrics()).match(/business_events_total\{result="dropped"\} (\d+)/);
    await until(async () => (await dropped()) !== null);
    const { id, userId } = await shop(database.pool).payable();
    expect((await call('POST', `${router.url}/v1/orders/${id}/payments`, { userId })).status).toBe(201);
    await canary(['set', '1', '--reason', 'x'], nowhere);
    await router.stop();
    expect(warnings().filter((line) => line.includes('Faro'))).toHaveLength(1);
    expect(Number((await dropped())?.[1])).toBeGreaterThanOrEqual(1);
  });
});

describe('the bench', () => {
  test('refuses a sink that is none before it does anything', async () => {
    let err = '';
    const code = await bench(['--quick'], {
      stdout: { write: () => undefined },
      stderr: { write: (text) => (err += text) },
      now: () => new Date(),
      pid: process.pid,
      env: { SAGASHIFT_FARO_URL: 'nonsense' },
      signal: new AbortController().signal,
    });
    expect(code).toBe(2);
    expect(err).toMatch(/SAGASHIFT_FARO_URL: is not a URL/);
  });

  test('a key that fits no header is refused without being repeated', () => {
    expect(() => readFaroConfig({ SAGASHIFT_FARO_URL: nowhere, SAGASHIFT_FARO_API_KEY: 'a secret\n' })).toThrow(
      /SAGASHIFT_FARO_API_KEY: takes 8 to 512 visible ASCII characters$/,
    );
    expect(readFaroConfig({ SAGASHIFT_FARO_URL: nowhere, SAGASHIFT_FARO_API_KEY: apiKey })).toEqual({
      url: nowhere,
      apiKey,
    });
    expect(readFaroConfig({ SAGASHIFT_FARO_API_KEY: apiKey })).toBeUndefined();
  });
});
