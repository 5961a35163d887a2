import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type FreshDatabase, freshDatabase, freshRedis, shop } from '../support/services.ts';

let database: FreshDatabase;
const redis = freshRedis();
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

describe('as processes', () => {
  const onTestEnd: (() => void)[] = [];
  afterEach(() => {
    for (const end of onTestEnd.splice(0)) end();
  });
  function start(file: string, argv: readonly string[], env: NodeJS.ProcessEnv) {
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...argv], { env: { ...process.env, ...env } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const done = once(child, 'close').then(([code]) => ({ code: code as number, out, err }));
    return { child, done };
  }

  test('the canary command answers a program', async () => {
    const { code, out } = await start('scripts/canary.ts', ['status', '--json'], { DATABASE_URL: database.url }).done;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ percentage: expect.any(Number), emergency: false });
  });

  test('the router says when it is ready, pays, and leaves with 0 when it is told to', async () => {
    const { child, done } = start('router/main.ts', ['--engine', 'legacy-lean', '--port', '0'], {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      SAGASHIFT_LOG_LEVEL: 'warn',
    });
    onTestEnd.push(() => child.kill('SIGKILL')); // whatever the test finds
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { name, url } = JSON.parse(line.toString()) as { name: string; url: string };
    expect(name).toBe('router');
    const { id, userId } = await shop(database.pool).payable();
    const reply = await fetch(`${url}/v1/orders/${id}/payments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId }),
    });
    expect(reply.status).toBe(201);
    child.kill('SIGTERM');
    expect(await done).toMatchObject({ code: 0, err: '' });
  });

  test.each<[string, readonly string[], NodeJS.ProcessEnv, RegExp]>([
    ['an unknown engine', ['--engine', 'wings'], {}, /legacy, legacy-lean, orchestration, choreography/],
    ['a port that is none', ['--port', '70000'], {}, /0 to 65535/],
    ['no database', [], { DATABASE_URL: '' }, /DATABASE_URL/],
  ])('the router refuses %s with 2', async (_name, argv, env, message) => {
    const { code, err } = await start('router/main.ts', argv, {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      ...env,
    }).done;
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});
