import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createLog } from '../../runtime/log.ts';
import { freePort } from '../../runtime/services/processes.ts';
import { findRedis } from '../../runtime/services/redis-binary.ts';

/** A Redis that only this test uses, so that it may be emptied, killed and started again, always at the same address. */
export interface PrivateRedis {
  readonly url: string;
  /** All that is in it is gone. */
  flush(): Promise<void>;
  /** SIGKILL, and nobody answers until `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Commands it has been sent since it was started. */
  commands(): Promise<number>;
  stop(): Promise<void>;
}

export async function privateRedis(): Promise<PrivateRedis> {
  const { file, libraries } = await findRedis(createLog('test', 'silent'), process.env);
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  const ask = async <T>(work: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  };
  const start = async (): Promise<void> => {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    child = spawn(file, settings, {
      stdio: 'ignore',
      env: { ...process.env, ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) },
    });
    for (;;) {
      const up = await ask((redis) => redis.ping()).catch(() => undefined);
      if (up !== undefined) return;
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
      await sleep(10);
    }
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url,
    start,
    kill,
    stop: kill,
    flush: () => ask((redis) => redis.flushall()).then(() => undefined),
    commands: () =>
      ask(async (redis) => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1] ?? 0)),
  };
}
