import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from '@jest/globals';
import { openServerMeter } from '../../bench/measure/servers.ts';
import { openConnection } from '../../runtime/database.ts';
import { openRedis } from '../../runtime/redis.ts';
import { sweepContainers } from '../../runtime/services/docker-containers.ts';
import { type DockerEngine, openEngine } from '../../runtime/services/docker-engine.ts';
import { images } from '../../runtime/services/docker-images.ts';
import { postgresSettings } from '../../runtime/services/postgres-settings.ts';
import { identify, pidScope } from '../../runtime/services/processes.ts';
import { startServices } from '../../runtime/services/services.ts';
import { testServices } from '../support/services.ts';

const { adminUrl, redisUrl } = testServices();
const never = new AbortController().signal;
/** Of this machine, without the servers of this run of the tests. */
const env = { ...process.env, DATABASE_URL: '', REDIS_URL: '' };

/** `npm test -- --services docker` asks for one. Without, half a minute of containers has no place in `npm test`. */
const askedFor = process.env['SERVICES'] === 'docker';

/** An engine that has the images; they are not fetched for a test. */
async function engineWithImages(): Promise<DockerEngine | undefined> {
  if (!askedFor) return undefined;
  try {
    const engine = await openEngine(env, never);
    for (const { image } of Object.values(images)) await engine.docker.getImage(image).inspect();
    return engine;
  } catch {
    return undefined;
  }
}

const found = await engineWithImages();
const inDocker = found === undefined ? test.failing : test;

function engine(): DockerEngine {
  if (found === undefined) throw new Error('no Docker engine with the images');
  return found;
}

const made: string[] = [];
afterEach(async () => {
  for (const id of made.splice(0))
    await engine()
      .docker.getContainer(id)
      .remove({ force: true })
      .catch(() => undefined);
});

/** Containers that were made here and never started, by their labels. */
async function create(labels: Record<string, string>): Promise<string> {
  const { id } = await engine().docker.createContainer({ Image: images.redis.image, Labels: labels });
  made.push(id);
  return id;
}

async function owned(pid: number): Promise<string[]> {
  const all = await engine().docker.listContainers({ all: true, filters: { label: ['sagashift.owner'] } });
  return all
    .filter(({ Labels }) => (JSON.parse(Labels['sagashift.owner'] ?? '{}') as { pid?: number }).pid === pid)
    .map(({ Id }) => Id);
}
/** Jest may run tests in its own process, which holds the containers of the run. */
const before = found === undefined ? [] : await owned(process.pid);

describe('services in containers', () => {
  test('there is an engine where they were asked for', () => {
    expect(found !== undefined).toBe(askedFor);
  });

  inDocker(
    'are durable, take the settings of the embedded ones and a password, listen on one address, and leave nothing',
    async () => {
      const { host, memoryBytes } = engine();
      const services = await startServices({ kind: 'docker', env });
      try {
        expect(services.how.postgres).toMatch(/^docker: postgres:18\.\d+, PostgreSQL 18\.\d+/);
        expect(services.how.redis).toMatch(/^docker: redis:\S+, Redis \d/);
        const wanted = postgresSettings(memoryBytes);
        expect({ ...wanted, shared_buffers: '' }).toEqual({ ...postgresSettings(totalmem()), shared_buffers: '' });
        const connection = await openConnection({ url: services.databaseUrl });
        const rows = await connection.query<{ name: string; value: string }>(
          'select name, current_setting(name) as value from unnest($1::text[]) name',
          [Object.keys(wanted)],
        );
        const [locale] = await connection.query(
          `select datcollate, current_setting('data_checksums') as checksums from pg_database where datname = 'postgres'`,
        );
        await connection.close();
        expect(Object.fromEntries(rows.map(({ name, value }) => [name, inMegabytes(value)]))).toEqual(
          Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, inMegabytes(value)])),
        );
        expect(locale).toEqual({ datcollate: 'C', checksums: 'on' });

        const redis = openRedis(services.redisUrl, 'test');
        expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
        expect(await redis.config('GET', 'save')).toEqual(['save', '']);
        await redis.quit();

        const guessed = new URL(services.databaseUrl);
        guessed.password = 'guess';
        await expect(openConnection({ url: guessed.href })).rejects.toMatchObject({ code: '28P01' });
        expect(new URL(services.redisUrl).password).not.toBe('');

        const mine = (await owned(process.pid)).filter((id) => !before.includes(id));
        expect(mine).toHaveLength(2);
        for (const id of mine) {
          const { NetworkSettings: network } = await engine().docker.getContainer(id).inspect();
          expect(Object.values(network.Ports).flatMap((bound) => bound.map((one) => one.HostIp))).toEqual([host]);
        }
      } finally {
        await Promise.all([services.stop(), services.stop()]);
      }
      expect(await owned(process.pid)).toEqual(before);
      await expect(openConnection({ url: services.databaseUrl })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    },
    60_000,
  );

  inDocker(
    'are resolved one by one, and their CPU is measured where their processes can be seen',
    async () => {
      engine();
      const services = await startServices({ kind: 'docker', env: { ...env, REDIS_URL: redisUrl } });
      try {
        expect(services.redisUrl).toBe(redisUrl);
        expect(services.how.redis).toMatch(/^REDIS_URL, Redis/);
        expect(await owned(process.pid)).toHaveLength(before.length + 1);
        const meter = await openServerMeter(services.databaseUrl, services.redisUrl, services.pids);
        const { postgresMicros } = await meter.read();
        await meter.close();
        if (isOurs(services.pids.postgres)) expect(postgresMicros).toBeGreaterThan(0);
        else expect(postgresMicros).toBeNull();
      } finally {
        await services.stop();
      }
    },
    60_000,
  );

  inDocker(
    'of a run that was killed are gone when the next has started',
    async () => {
      engine();
      const holder = spawn(process.execPath, ['--import', 'tsx', 'test/support/hold-services.ts', 'docker'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(createInterface(holder.stdout), 'line');
      const pid = holder.pid ?? 0;
      expect(await owned(pid)).toHaveLength(2);
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      const next = await startServices({ kind: 'docker', env: { ...env, DATABASE_URL: adminUrl } });
      expect(await owned(pid)).toEqual([]);
      await next.stop();
    },
    60_000,
  );

  inDocker('are swept by their label and their owner, and nobody else’s are', async () => {
    const { docker } = engine();
    const label = (owner: unknown) => ({ 'sagashift.lease': 'a', 'sagashift.owner': JSON.stringify(owner) });
    const dead = { pid: 1, startedAt: 'an earlier life' };
    const swept = await create(label({ scope: pidScope(), ...dead }));
    const kept = [
      await create(label({ scope: pidScope(), ...identify(process.pid) })),
      await create(label({ scope: 'another machine', ...dead })),
      await create({ 'sagashift.lease': 'a', 'sagashift.owner': 'not for us to read' }),
      await create({ 'org.testcontainers': 'true' }),
    ];
    expect(await sweepContainers(docker)).toBeGreaterThanOrEqual(1);
    const left = (await docker.listContainers({ all: true })).map(({ Id }) => Id);
    expect(left).toEqual(expect.arrayContaining(kept));
    expect(left).not.toContain(swept);
  });

  inDocker(
    'an interrupted start leaves no container',
    async () => {
      const { docker } = engine();
      const interrupted = new AbortController();
      const events = await docker.getEvents({ filters: { event: ['create'], label: ['sagashift.lease'] } });
      events.once('data', () => {
        interrupted.abort(new Error('Ctrl-C'));
      });
      const start = startServices({ kind: 'docker', env, signal: interrupted.signal });
      await expect(start).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining('interrupted') });
      (events as unknown as { destroy(): void }).destroy();
      expect(interrupted.signal.aborted).toBe(true);
      expect(await owned(process.pid)).toEqual(before);
    },
    60_000,
  );

  inDocker(
    'an image that can’t be had: exit code 4, what was tried, what helps, and the other one is not kept',
    async () => {
      engine();
      const start = startServices({ kind: 'docker', env: { ...env, POSTGRES_IMAGE: '127.0.0.1:1/postgres:18' } });
      await expect(start).rejects.toMatchObject({
        exitCode: 4,
        message: expect.stringMatching(
          /127\.0\.0\.1:1\/postgres:18 is not on this engine.*`docker pull .* POSTGRES_IMAGE/s,
        ),
      });
      expect(await owned(process.pid)).toEqual(before);
    },
    60_000,
  );

  inDocker(
    'an image of something else: exit code 4 and what it said',
    async () => {
      engine();
      const start = startServices({
        kind: 'docker',
        env: { ...env, REDIS_URL: redisUrl, POSTGRES_IMAGE: images.redis.image },
      });
      await expect(start).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining('did not start') });
      expect(await owned(process.pid)).toEqual(before);
    },
    60_000,
  );
});

/** 1024MB and 1GB are one. */
const inMegabytes = (value: string): string =>
  value.replace(/^(\d+)GB$/, (_, gigabytes: string) => `${Number(gigabytes) * 1_024}MB`);

/** An engine on another machine, or in a virtual one, has pids of its own. */
function isOurs(pid: number | undefined): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres';
  } catch {
    return false;
  }
}
