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
async function start(argv: string[], use: (out: string) => Promise<void> = () => Promise.resolve(), given = env) {
  let [out, err] = ['', ''];
  let end: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (end = resolve));
  const code = await runStart(argv, {
    env: given,
    out: (text) => (out += text),
    err: (text) => (err += text),
    end: () => {
      end();
    },
    run: async (begin) => {
      const running = await begin();
      try {
        await Promise.race([use(out), told]);
      } finally {
        await running.stop();
      }
    },
  });
  return { code, out, err };
}

/** Runs `npm start`'s process and waits for what it prints when all is up. */
async function spawnStart(given: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; started: Started }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/start.ts', '--json'], {
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
