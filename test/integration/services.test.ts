import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from '@jest/globals';
import { openConnection, openPool } from '../../runtime/database.ts';
import { openRedis } from '../../runtime/redis.ts';
import { servicesDir } from '../../runtime/services/cache.ts';
import { findPostgres } from '../../runtime/services/postgres-binaries.ts';
import { startServices } from '../../runtime/services/services.ts';
import { testServices } from '../support/services.ts';

const path = { PATH: process.env['PATH'] };
const { adminUrl, redisUrl } = testServices();

const refusal = (env: NodeJS.ProcessEnv, kind: 'embedded' | 'docker' = 'embedded'): Promise<unknown> =>
  startServices({ kind, env }).then(
    async (services) => {
      await services.stop();
      throw new Error('started');
    },
    (error: unknown) => error,
  );

/** Jest may run tests in its own process, which holds the lease of the run. */
const leases = (): string[] => readdirSync(servicesDir()).filter((name) => name.startsWith(`${process.pid}-`));
const before = leases();

describe('services', () => {
  test('are started on loopback, durable, with passwords, and leave nothing', async () => {
    const services = await startServices({ kind: 'embedded', env: path });
    const pool = openPool({ url: services.databaseUrl, size: 1 });
    const rows = await pool.query<{ name: string; value: string }>(
      `select name, current_setting(name) as value from unnest(array['fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'max_connections']) name`,
    );
    await pool.close();
    expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      max_connections: '300',
    });
    const redis = openRedis(services.redisUrl, 'test');
    expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    await redis.quit();
    expect(services.how.postgres).toMatch(/^embedded: /);

    const open = new URL(services.databaseUrl);
    open.password = 'guess';
    await expect(openConnection({ url: open.href })).rejects.toMatchObject({ code: '28P01' });

    expect(leases()).toHaveLength(before.length + 2);
    await Promise.all([services.stop(), services.stop()]);
    expect(leases()).toEqual(before);
    await expect(openConnection({ url: services.databaseUrl })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  }, 60_000);

  test('that are given are used and not stopped', async () => {
    const services = await startServices({
      kind: 'embedded',
      env: { ...path, DATABASE_URL: adminUrl, REDIS_URL: redisUrl },
    });
    expect(services).toMatchObject({ databaseUrl: adminUrl, redisUrl });
    expect(services.how.postgres).toMatch(/^DATABASE_URL, PostgreSQL 1[7-9]/);
    expect(services.how.redis).toMatch(/^REDIS_URL, Redis \d/);
    await services.stop();
    const connection = await openConnection({ url: adminUrl });
    await connection.close();
  });

  test('of a run that was killed end, its data goes, and the next run is not hindered', async () => {
    const holder = spawn(process.execPath, ['--import', 'tsx', 'test/support/hold-services.ts'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(holder.stdout), 'line')) as [string];
    const held = JSON.parse(line) as { databaseUrl: string };
    const mine = readdirSync(servicesDir()).filter((name) => name.startsWith(`${holder.pid}-`));
    expect(mine).toHaveLength(2);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const next = await startServices({ kind: 'embedded', env: { ...path, REDIS_URL: redisUrl } });
    expect(readdirSync(servicesDir()).filter((name) => mine.includes(name))).toEqual([]);
    await expect(openConnection({ url: held.databaseUrl })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await next.stop();
  }, 60_000);
});

describe('services that can’t be had', () => {
  test('unreachable: exit code 4, what was tried and what helps, no password', async () => {
    const database = await refusal({ ...path, DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x', REDIS_URL: redisUrl });
    expect(database).toMatchObject({ name: 'ServicesError', exitCode: 4 });
    expect(String(database)).toMatch(
      /DATABASE_URL postgres:\/\/u:\*\*\*@127.0.0.1:1\/x can't be used \(ECONNREFUSED\).*unset DATABASE_URL/,
    );
    const redis = await refusal({ ...path, DATABASE_URL: adminUrl, REDIS_URL: 'redis://127.0.0.1:1' });
    expect(redis).toMatchObject({ exitCode: 4 });
    expect(String(redis)).toMatch(/REDIS_URL redis:\/\/127.0.0.1:1.*can't be used/);
    expect(leases()).toEqual(before);
  });

  test('a URL that is none is wrong usage: exit code 2', async () => {
    const fault = await refusal({ ...path, DATABASE_URL: 'nonsense', REDIS_URL: redisUrl });
    expect(fault).toMatchObject({ exitCode: 2 });
    expect(String(fault)).toContain('DATABASE_URL is not a URL; it looks like postgres://');
  });

  test('a Redis that is too old: exit code 2', async () => {
    const old = createServer((socket) => {
      socket.on('data', (data) => {
        const info = '# Server\r\nredis_version:5.0.7\r\nloading:0\r\n';
        const asked = (command: RegExp, answer: string): void => {
          socket.write(answer.repeat([...data.toString().matchAll(command)].length));
        };
        asked(/hello\r\n/gi, "-ERR unknown command 'HELLO'\r\n");
        asked(/client\r\n/gi, '+OK\r\n');
        asked(/info\r\n/gi, `$${info.length}\r\n${info}\r\n`);
      });
    });
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');
    const { port } = old.address() as { port: number };
    const fault = await refusal({ ...path, DATABASE_URL: adminUrl, REDIS_URL: `redis://127.0.0.1:${port}` });
    old.close();
    expect(String(fault)).toContain('is Redis 5.0.7; it takes 6 or newer');
    expect(fault).toMatchObject({ exitCode: 2 });
  });

  test('without a Docker engine: exit code 4, and no engine is looked for when both are given', async () => {
    const env = { ...path, DOCKER_HOST: 'unix:///nowhere.sock' };
    const fault = await refusal(env, 'docker');
    expect(fault).toMatchObject({ name: 'ServicesError', exitCode: 4 });
    expect(String(fault)).toContain('or use --services embedded');
    expect(leases()).toEqual(before);
    const given = await startServices({
      kind: 'docker',
      env: { ...env, DATABASE_URL: adminUrl, REDIS_URL: redisUrl },
    });
    expect(given).toMatchObject({ databaseUrl: adminUrl, redisUrl, pids: {} });
    await given.stop();
  });

  test('a database per domain is refused by name, not ignored', async () => {
    const apart = await refusal({ ...path, DATABASE_URL_SAGA: 'postgres://x' });
    expect(apart).toMatchObject({ exitCode: 2 });
    expect(String(apart)).toContain('DATABASE_URL_SAGA');
  });

  test('a directory without Postgres: what was tried', async () => {
    const copies = mkdtempSync(join(tmpdir(), 'copies-'));
    await expect(findPostgres(copies, { PG_BIN_DIR: '/nowhere' })).rejects.toThrow(
      /PG_BIN_DIR \(\/nowhere\)[^]*npm ci/,
    );
    rmSync(copies, { recursive: true });
  });

  test('servers that do not start: the end of their log', async () => {
    expect(existsSync('/bin/false')).toBe(true);
    const fault = await refusal({ ...path, DATABASE_URL: adminUrl, REDIS_SERVER_BIN: '/bin/true' });
    expect(fault).toMatchObject({ exitCode: 4 });
    expect(String(fault)).toContain('Redis (REDIS_SERVER_BIN) did not start');
    expect(leases()).toEqual(before);
  });
});
