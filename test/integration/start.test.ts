import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { openConnection } from '../../runtime/database.ts';
import { databaseUrl } from '../../runtime/databases.ts';
import { runStart } from '../../scripts/start-command.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

interface Started {
  url: string;
  dataPlatform: string;
  databaseUrl: string;
  order: { id: number; userId: number };
  pids: number[];
}

jest.setTimeout(60_000);

let database: FreshDatabase;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const redis = freshRedis();
  database = await freshDatabase();
  env = {
    PATH: process.env['PATH'],
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    SAGASHIFT_KEY_PREFIX: redis.prefix,
    SAGASHIFT_LOG_LEVEL: 'silent',
  };
});
afterAll(async () => {
  await database.drop();
});

/** Runs the command in this process: `use` gets what it printed and resolves when it is to stop. */
async function start(
  argv: string[],
  use: (out: string, latest: () => string) => Promise<void> = () => Promise.resolve(),
  given = env,
  terminal = false,
) {
  let [out, err] = ['', ''];
  let end: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (end = resolve));
  const code = await runStart(argv, {
    env: given,
    terminal,
    out: (text) => (out += text),
    err: (text) => (err += text),
    end: () => {
      end();
    },
    run: async (begin) => {
      const running = await begin();
      try {
        await Promise.race([use(out, () => out), told]);
      } finally {
        await running.stop();
      }
    },
  });
  return { code, out, err };
}

/** Runs `npm start`'s process and waits for what it prints when all is up. */
async function spawnStart(
  given: NodeJS.ProcessEnv,
  ...flags: string[]
): Promise<{ child: ChildProcess; started: Started }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/start.ts', '--json', ...flags], {
    env: given,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, started: JSON.parse(line) as Started };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const text = async (url: string): Promise<string> => (await fetch(url)).text();

async function pay(url: string, order: { id: number; userId: number }): Promise<{ status: number; body: object }> {
  const response = await fetch(`${url}/v1/orders/${order.id}/payments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId: order.userId }),
  });
  return { status: response.status, body: (await response.json()) as object };
}

describe('npm start', () => {
  test('brings up everything: a payment is paid on either side, the outside hears of both, and stopping leaves no process', async () => {
    let pids: number[] = [];
    const use = async (out: string): Promise<void> => {
      const { url, dataPlatform, order, ...started } = JSON.parse(out) as Started;
      pids = started.pids;
      expect(await pay(url, order)).toMatchObject({ status: 201, body: { status: 'PAID', engine: 'legacy' } });

      await database.pool.query('update rollout set percentage = 100, version = version + 1');
      const [next] = await database.pool.query<Started['order']>(
        `select o.id, o.user_id as "userId" from orders o join users u on u.id = o.user_id
         where o.status = 'PENDING' and u.tier = 'NORMAL' order by o.id`,
      );
      await until(async () => (await text(`${url}/metrics`)).includes('payment_router_config_version 2'));
      expect(await pay(url, next as Started['order'])).toMatchObject({
        status: 201,
        body: { status: 'PAID', engine: 'orchestration' },
      });
      await until(async () => (await text(`${dataPlatform}/v1/stats`)).includes('"orchestration"'));
    };
    expect(await start(['--json'], use)).toMatchObject({ code: 0, err: '' });
    expect(pids).toHaveLength(3);
    expect(pids.filter(alive)).toEqual([]);
  });

  test('says in words what there is, loads no data where there is some, and ends when a part of it dies', async () => {
    const orders = (): Promise<unknown[]> =>
      database.pool.query('select count(*) from orders union all select count(*) from payments');
    const before = await orders();
    let pids: number[] = [];
    const use = async (out: string): Promise<void> => {
      expect(out.match(/^ {2}curl -s .*http:\/\/127\.0\.0\.1:\d+\/v1\//gm)).toHaveLength(3);
      expect(await orders()).toEqual(before);
      pids = [...out.matchAll(/\(pid (\d+)\)/g)].map(([, pid]) => Number(pid));
      process.kill(Number(/orchestrator .*\(pid (\d+)\)/.exec(out)?.[1]), 'SIGKILL');
      await new Promise(() => undefined); // until the command itself ends it
    };
    expect(await start([], use)).toMatchObject({
      code: 1,
      err: 'the orchestrator ended (signal SIGKILL): everything was stopped\n',
    });
    expect(pids).toHaveLength(3);
    expect(pids.filter(alive)).toEqual([]);
  });

  test('brings its own Postgres and Redis; Ctrl-C leaves nothing behind', async () => {
    const { child, started } = await spawnStart({ PATH: process.env['PATH'], SAGASHIFT_LOG_LEVEL: 'silent' });
    expect(await pay(started.url, started.order)).toMatchObject({ status: 201 });
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(started.pids.filter(alive)).toEqual([]);
    await expect(openConnection({ url: started.databaseUrl })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('kill -9 leaves nothing behind either', async () => {
    const { child, started } = await spawnStart(env);
    child.kill('SIGKILL');
    await until(() => !started.pids.some(alive));
    expect(child.signalCode).toBe('SIGKILL');
  });

  test("refuses a database of somebody else's and leaves it as it is", async () => {
    const name = `${new URL(database.url).pathname.slice(1)}_foreign`;
    const url = databaseUrl(database.url, name);
    await database.pool.query(`create database ${name}`);
    const foreign = await openConnection({ url });
    await foreign.query('create table users (id int)');
    expect(await start([], undefined, { ...env, DATABASE_URL: url })).toMatchObject({
      code: 2,
      err: expect.stringContaining('somebody else'),
    });
    expect(await foreign.query(`select relname from pg_class where relnamespace = 'public'::regnamespace`)).toEqual([
      { relname: 'users' },
    ]);
    await foreign.close();
    await database.pool.query(`drop database ${name}`);
  });

  test('a port in use ends it with 1, wrong usage with 2', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    expect(await start(['--port', String(port)])).toMatchObject({
      code: 1,
      err: expect.stringContaining('router ended'),
    });
    taken.close();
    expect(await start(['--port', '70000'])).toMatchObject({ code: 2, err: expect.stringContaining('0 to 65535') });
    expect(await start(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('--json') });
  });
});

describe('npm start -- --demo', () => {
  let shop: FreshDatabase;
  let given: NodeJS.ProcessEnv;
  beforeAll(async () => {
    shop = await freshDatabase();
    given = { ...env, DATABASE_URL: shop.url, SAGASHIFT_KEY_PREFIX: freshRedis().prefix };
  });
  afterAll(async () => {
    await shop.drop();
  });
  const count = async (from: string): Promise<number> => {
    const [row] = await shop.pool.query<{ n: number }>(`select count(*) as n from ${from}`);
    return row?.n ?? 0;
  };

  test('sets a canary by name, people buy on either side, a verification is recorded; a machine is told once', async () => {
    const use = async (_out: string, latest: () => string): Promise<void> => {
      for (const side of ['legacy', 'saga']) {
        await until(async () => (await count(`payment_route where side = '${side}'`)) > 2);
      }
      await until(async () => (await count('verification_run where finished_at is not null')) > 0);
      const lines = latest().trim().split('\n');
      expect(lines).toHaveLength(1);
      const ready = JSON.parse(lines[0] as string) as { url: string; console: string; demo: { canary: number } };
      expect(ready).toMatchObject({ ready: true, demo: { canary: 30 }, console: `${ready.url}/console` });
      expect((await text(ready.console)).startsWith('<!doctype html>')).toBe(true);
    };
    expect(await start(['--demo', '--json'], use, given)).toMatchObject({ code: 0, err: '' });
    expect(await shop.pool.query('select actor, action, diff from rollout_audit')).toEqual([
      { actor: 'demo', action: 'set', diff: { percentage: { from: 0, to: 30 } } },
    ]);
    expect(await shop.pool.query('select violations from verification_run')).toContainEqual({ violations: 0 });
    const [left] = await shop.pool.query<{ n: number }>(
      `select count(*) as n from pg_stat_activity where datname = current_database() and application_name like 'sagashift-%'`,
    );
    expect(left).toEqual({ n: 0 });
  });

  test('leaves a rollout that somebody has set, says what there is, and writes its line over on a terminal', async () => {
    const without = { ...given, PROMETHEUS_BIN: '/nowhere/prometheus' };
    await shop.pool.query('update rollout set version = version + 1, percentage = 20');
    const changes = await count('rollout_audit');
    const use = async (out: string, latest: () => string): Promise<void> => {
      expect(out).toMatch(/status page +http:\/\/127\.0\.0\.1:\d+\/console\n/);
      expect(out).toMatch(/prometheus +none: install it/);
      expect(out).toContain('The rollout was set before: it stays as it is.');
      expect(out.match(/npm run canary -- (set 50|rollback|clear)/g)).toHaveLength(3);
      await until(() => latest().includes('\r\u001b[2K  payments/s '));
    };
    expect(await start(['--demo'], use, without, true)).toMatchObject({ code: 0, err: '' });
    expect(await count('rollout_audit')).toBe(changes);
    expect(await shop.pool.query('select percentage from rollout')).toEqual([{ percentage: 20 }]);
  });

  test('refuses people that it has not made up itself, and leaves them as they are', async () => {
    const real = await freshDatabase();
    await real.pool.query('insert into users default values');
    expect(await start(['--demo'], undefined, { ...given, DATABASE_URL: real.url })).toMatchObject({
      code: 2,
      err: expect.stringContaining('were not generated by Sagashift'),
    });
    expect(await real.pool.query('select count(*) as n from orders')).toEqual([{ n: 0 }]);
    await real.drop();
    expect(await start(['--demo', '--yes'])).toMatchObject({ code: 2, err: expect.stringContaining('not with --yes') });
  });

  test('Ctrl-C leaves nothing behind, Prometheus included', async () => {
    const { child, started } = await spawnStart({ PATH: process.env['PATH'], SAGASHIFT_LOG_LEVEL: 'silent' }, '--demo');
    const { demo } = started as unknown as { demo: { prometheus?: string } };
    if (demo.prometheus !== undefined) expect((await fetch(`${demo.prometheus}/-/ready`)).status).toBe(200);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(started.pids.filter(alive)).toEqual([]);
    if (demo.prometheus !== undefined) await expect(fetch(demo.prometheus)).rejects.toThrow('fetch failed');
    await expect(openConnection({ url: started.databaseUrl })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
