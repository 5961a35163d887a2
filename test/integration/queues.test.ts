import { afterAll, describe, expect, test } from '@jest/globals';
import { openQueue, openWorker } from '../../runtime/queues.ts';
import { openRedis } from '../../runtime/redis.ts';
import { freshRedis } from '../support/services.ts';

const { url, prefix } = freshRedis();
const redis = openRedis(url, 'test');
afterAll(async () => {
  const keys = await redis.keys(`${prefix}:*`);
  if (keys.length > 0) await redis.del(...keys);
  await redis.quit();
});

describe('a queue', () => {
  test('hands its jobs over under its own prefix, and keeps few of the finished', async () => {
    const queue = openQueue<{ n: number }>({ redisUrl: url, prefix, name: 'numbers' });
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (done = resolve));
    const seen: number[] = [];
    const worker = openWorker<{ n: number }>(
      { redisUrl: url, prefix, name: 'numbers', concurrency: 2 },
      async (job) => {
        seen.push(job.data.n);
        if (seen.length === 3) done();
      },
    );
    await queue.addBulk([1, 2, 3].map((n) => ({ name: 'count', data: { n } })));
    await all;
    await worker.close();
    expect([...seen].sort((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(await redis.exists(`${prefix}:numbers:meta`)).toBe(1);
    const [job] = await queue.getCompleted();
    expect(job?.opts).toMatchObject({ attempts: 5, removeOnComplete: { count: 100, age: 3_600 } });
    await queue.close();
  });

  test('tries a job again when its handler rejects', async () => {
    const queue = openQueue<null>({ redisUrl: url, prefix, name: 'again' });
    let tries = 0;
    let done: () => void = () => undefined;
    const second = new Promise<void>((resolve) => (done = resolve));
    const worker = openWorker<null>(
      { redisUrl: url, prefix, name: 'again', concurrency: 1, stalledAfterMs: 2_000 },
      async () => {
        tries += 1;
        if (tries === 1) throw new Error('not yet');
        done();
      },
    );
    await queue.add('try', null);
    await second;
    await worker.close();
    await queue.close();
    expect(tries).toBe(2);
  });

  test('closing a worker waits for the job in hand', async () => {
    const queue = openQueue<null>({ redisUrl: url, prefix, name: 'slow' });
    let begun: () => void = () => undefined;
    let goOn: () => void = () => undefined;
    const inHand = new Promise<void>((resolve) => (begun = resolve));
    const mayEnd = new Promise<void>((resolve) => (goOn = resolve));
    let ended = false;
    const worker = openWorker<null>({ redisUrl: url, prefix, name: 'slow', concurrency: 1 }, async () => {
      begun();
      await mayEnd;
      ended = true;
    });
    await queue.add('work', null);
    await inHand;
    const closed = worker.close();
    goOn();
    await closed;
    expect(ended).toBe(true);
    await queue.close();
  });
});

describe('a worker that is woken', () => {
  const length = 400;

  test('sleeps through no job that comes while it or another ends the one before', async () => {
    const queue = openQueue<{ n: number }>({ redisUrl: url, prefix, name: 'chain' });
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (done = resolve));
    const hear = async (job: { readonly data: { readonly n: number } }) => {
      const { n } = job.data;
      if (n === length) done();
      else setTimeout(() => void queue.add('next', { n: n + 1 }), n % 4);
      return Promise.resolve();
    };
    const options = { redisUrl: url, prefix, name: 'chain' };
    const workers = [1, 16].map((concurrency) => openWorker<{ n: number }>({ ...options, concurrency }, hear));
    await queue.add('next', { n: 1 });
    await all; // who sleeps through one wakes after 5 s: too often for this test's limit
    await Promise.all(workers.map((worker) => worker.close()));
    expect(await queue.getJobCounts('waiting', 'active', 'failed')).toEqual({ waiting: 0, active: 0, failed: 0 });
    await queue.close();
  }, 15_000);

  test('hears what waits behind the job in hand, and of a job that another holds for too long', async () => {
    const queue = openQueue<{ n: number }>({ redisUrl: url, prefix, name: 'held' });
    const options = { redisUrl: url, prefix, name: 'held', concurrency: 1, stalledAfterMs: 100 };
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    let took: () => void = () => undefined;
    const taken = new Promise<void>((resolve) => (took = resolve));
    const dead = openWorker<{ n: number }>(options, () => {
      took();
      return held;
    });
    await queue.addBulk([1, 2, 3].map((n) => ({ name: 'count', data: { n } })));
    await taken;
    const heard: number[] = [];
    await new Promise<void>((resolve) => {
      const alive = openWorker<{ n: number }>(options, async (job) => {
        heard.push(job.data.n);
        if (heard.length === 3) void alive.close().then(resolve);
        return Promise.resolve();
      });
    });
    letGo();
    await dead.close();
    await queue.close();
    expect([...heard].sort((a, b) => a - b)).toEqual([1, 2, 3]);
  });
});

describe('a Redis client', () => {
  test('tells of a server that is not there instead of printing it, and can be closed', async () => {
    const told = new Promise<Error>((resolve) => {
      const lost = openRedis('redis://127.0.0.1:1', 'lost', (error) => {
        resolve(error);
        lost.disconnect();
      });
    });
    expect(await told).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('carries its name to the server', async () => {
    expect(await redis.client('GETNAME')).toBe('test');
  });

  test('errors of a queue and of a worker go to whoever asked for them', async () => {
    const told: string[] = [];
    const own = { redisUrl: url, prefix, name: 'errors', onError: (error: Error) => void told.push(error.message) };
    const queue = openQueue(own);
    const worker = openWorker({ ...own, concurrency: 1 }, async () => undefined);
    queue.emit('error', new Error('queue'));
    worker.emit('error', new Error('worker'));
    await worker.close();
    await queue.close();
    expect(told).toEqual(['queue', 'worker']);
  });
});
