import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ServicesError } from './errors.ts';
import type { Lease } from './lease.ts';
import type { Server } from './postgres-server.ts';
import { freePort, hasExited } from './processes.ts';
import type { RedisBinary } from './redis-binary.ts';
import { redisSettings } from './redis-settings.ts';
import { launchServer, tail } from './server-process.ts';

const readyLimitMs = 10_000;
const portTries = 3;

export async function startRedis(binary: RedisBinary, lease: Lease): Promise<Server> {
  const log = join(lease.dir, 'redis.log');
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const password = randomBytes(18).toString('base64url');
    const url = `redis://:${password}@127.0.0.1:${port}`;
    const start = async (): Promise<Server | undefined> => {
      const child = launch(binary, lease.dir, log, [
        ...['bind 127.0.0.1', `port ${port}`, 'protected-mode yes', ...redisSettings(password)],
      ]);
      lease.addChild(child.pid, 'SIGTERM');
      return (await isReady(child, url)) ? { url, child, startAgain } : undefined;
    };
    const startAgain = async () => (await start()) ?? failed(binary, log);
    const server = await start();
    if (server !== undefined) return server;
    if (tries === portTries) return failed(binary, log);
  }
}

function failed({ how }: RedisBinary, log: string): never {
  throw new ServicesError(4, `Redis (${how}) did not start:\n${tail(log)}`);
}

/** The configuration goes in by stdin: a command line is everybody's to read, and the password is in it. */
function launch(binary: RedisBinary, dir: string, log: string, config: readonly string[]): ChildProcess {
  const env = { ...process.env, ...(binary.libraries === undefined ? {} : { LD_LIBRARY_PATH: binary.libraries }) };
  return launchServer({ file: binary.file, args: ['-'], cwd: dir, log, env, input: `${config.join('\n')}\n` });
}

/** The password is this server's alone: who accepts it is the one we started. */
async function isReady(child: ChildProcess, url: string): Promise<boolean> {
  const until = performance.now() + readyLimitMs;
  while (performance.now() < until && child.pid !== undefined && !hasExited(child)) {
    const probe = new Redis(url, {
      lazyConnect: true,
      retryStrategy: null,
      maxRetriesPerRequest: 0,
      connectTimeout: 1_000,
    });
    probe.on('error', () => undefined);
    try {
      await probe.connect();
      await probe.ping();
      return true;
    } catch {
      await sleep(20);
    } finally {
      if (probe.status !== 'end') probe.disconnect(); // After the end it would set a timer of 2 s that nothing clears.
    }
  }
  return false;
}
