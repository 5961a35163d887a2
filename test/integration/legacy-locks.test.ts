import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import type { Interval } from '../../legacy/figures.ts';
import { createRedisLocks, LocksUnreachable } from '../../legacy/redis-locks.ts';
import { openRedis } from '../../runtime/redis.ts';
import { freshRedis } from '../support/services.ts';

describe('the Redis locks of the monolith', () => {
  const { url, prefix } = freshRedis();
  const options = { retryDelayMs: 2, retryJitterMs: 2, ttlMs: 10_000, waitLimitMs: 1_000, prefix };
  const signal = new AbortController().signal;
  let redis: Redis;
  let heard: { lost: string[]; held: (Interval & { resource: string })[]; waited: number[] };

  beforeAll(() => {
    redis = openRedis(url, 'test');
  });
  beforeEach(() => {
    heard = { lost: [], held: [], waited: [] };
  });
  afterAll(() => redis.quit());

  const begin = (changed: Partial<typeof options> = {}) =>
    createRedisLocks(redis, { ...options, ...changed })({
      lost: (resource) => void heard.lost.push(resource),
      held: (resource, _kind, interval) => void heard.held.push({ resource, ...interval }),
      waited: (_resource, _kind, ms) => void heard.waited.push(ms),
    });
  const keys = () => redis.keys(`${prefix}:*`);

  test('keep others out until they are released, in reverse order', async () => {
    const [mine, yours] = [begin(), begin()];
    expect(await mine.take('balance', 'b', 0, signal)).toBe(true);
    expect(await mine.take('stock', 's', 0, signal)).toBe(true);
    expect(await yours.take('stock', 's', 20, signal)).toBe(false);
    const waiting = yours.take('stock', 's', 5_000, signal);
    await mine.release();
    expect(await waiting).toBe(true);
    expect(heard.held.map(({ resource }) => resource)).toEqual(['stock', 'balance']);
    await yours.release();
    await yours.release(); // nothing more to release
    expect(heard).toMatchObject({ lost: [], held: { length: 3 }, waited: { length: 3 } });
    expect(await keys()).toEqual([]);
  });

  test('a wait ends with the request', async () => {
    const [mine, yours] = [begin(), begin()];
    await mine.take('balance', 'b', 0, signal);
    const gone = new AbortController();
    const waiting = yours.take('balance', 'b', 60_000, gone.signal);
    gone.abort();
    await expect(waiting).rejects.toThrow();
    await mine.release();
    expect(await keys()).toEqual([]);
  });

  test('are extended for as long as the payment lasts', async () => {
    const [mine, yours] = [begin({ ttlMs: 1_000 }), begin()];
    await mine.take('balance', 'b', 0, signal);
    expect(await yours.take('balance', 'b', 1_500, signal)).toBe(false);
    await mine.release();
    expect(heard.lost).toEqual([]);
    expect(heard.held[0]).toMatchObject({ resource: 'balance' });
  });

  test('a lock that expired is lost once, held no longer than it lived, and a stranger’s is left alone', async () => {
    const mine = begin({ ttlMs: 1_000 });
    await mine.take('balance', 'b', 0, signal);
    await redis.set(`${prefix}:b`, 'a stranger’s');
    const [began, limit] = [performance.now(), 5_000];
    while (heard.lost.length === 0 && performance.now() - began < limit) await begin().take('balance', 'b', 20, signal);
    await mine.release();
    expect(heard.lost).toEqual(['balance']);
    expect(await redis.get(`${prefix}:b`)).toBe('a stranger’s');
    const held = heard.held[0];
    expect((held?.to ?? 0) - (held?.from ?? 0)).toBeLessThanOrEqual(1_000);
    await redis.del(`${prefix}:b`);
  });

  test('a lock that was lost unnoticed is noticed when it is released', async () => {
    const mine = begin();
    await mine.take('stock', 's', 0, signal);
    await redis.del(`${prefix}:s`);
    await mine.release();
    expect(heard.lost).toEqual(['stock']);
  });

  test('without Redis nothing is known about a lock: a fault, not a "no"', async () => {
    const nobody = new Redis({ host: '127.0.0.1', port: 9, maxRetriesPerRequest: 0, retryStrategy: () => 10 });
    const failed = once(nobody, 'error');
    const locks = createRedisLocks(
      nobody,
      options,
    )({ lost: () => undefined, held: () => undefined, waited: () => undefined });
    const taking = locks.take('order', 'o', 60_000, signal);
    await expect(taking).rejects.toThrow(LocksUnreachable);
    await failed;
    await locks.release();
    nobody.disconnect();
  });
});
