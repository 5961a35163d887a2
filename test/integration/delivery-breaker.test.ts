import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { sharedBreaker } from '../../eventdriven/delivery/shared-breaker.ts';
import { openTargetBreaker, type TargetBreaker } from '../../eventdriven/delivery/target-breaker.ts';
import { openRedis, type Redis } from '../../runtime/redis.ts';
import { until } from '../support/delivery-stage.ts';
import { freshRedis } from '../support/services.ts';

const { url, prefix } = freshRedis();
const limits = { retryFirstMs: 20, retryCapMs: 1_000, retryAfterCapMs: 600_000, probeMs: 60_000 };
const fault = { error: 'HTTP 503', events: [], broken: false };
const opened: (() => unknown)[] = [];
let redis: Redis;
let target = 0;

beforeAll(async () => {
  redis = openRedis(url, 'breaker test');
  await redis.ping();
});
afterEach(() => {
  target += 1; // a state of its own for each test
  for (const stop of opened.splice(0)) stop();
});
afterAll(() => redis.disconnect());

/** The breaker of one process; all of a test are about the same target. */
function breaker(process: string, client: Redis = redis): TargetBreaker {
  const shared = sharedBreaker(client, prefix, `target-${target}`, process);
  const one = openTargetBreaker(`target-${target}`, { shared, limits, random: () => 1, changed: () => undefined });
  opened.push(() => {
    one.stop();
  });
  return one;
}

/** As a relay does: waits as long as it is told, then tries. */
async function tryAt(one: TargetBreaker, answer: typeof fault | undefined): Promise<void> {
  await until(async () => (await one.waitMs()) === 0 && (await one.admit()));
  await one.run(() => Promise.resolve(answer));
}
async function open(one: TargetBreaker): Promise<void> {
  while (one.state === 0) await tryAt(one, fault);
}

describe('a breaker', () => {
  test('opens when most of three batches or more failed, half-opens, and closes when one is taken', async () => {
    const one = breaker('a');
    await tryAt(one, undefined);
    await tryAt(one, fault);
    expect([one.state, one.faults]).toEqual([0, 1]);
    await tryAt(one, fault);
    expect(one.state).not.toBe(0);
    await until(() => one.state === 1);
    await tryAt(one, undefined);
    expect([one.state, one.faults]).toEqual([0, 0]);
    expect(await redis.keys(`${prefix}:breaker:target-${target}*`)).toEqual([]);
  });

  test.each([
    [60_000, 30_000, 60_000],
    [9_999_999, 300_000, 600_000],
  ])('a target that asks for %i ms of patience is given at least %i, at most %i', async (retryAfterMs, least, most) => {
    const one = breaker('a');
    await one.run(() => Promise.resolve({ ...fault, retryAfterMs }));
    const ms = await one.waitMs();
    expect(ms).toBeGreaterThan(least);
    expect(ms).toBeLessThanOrEqual(most);
  });

  test('a fault of ours is not the target’s', async () => {
    const one = breaker('a');
    for (let i = 0; i < 5; i += 1) {
      await expect(one.run(() => Promise.reject(new Error('database')))).rejects.toThrow('database');
    }
    expect([one.state, one.faults, await one.waitMs()]).toEqual([0, 0, 0]);
  });
});

describe('breakers of several processes', () => {
  test('what one found out the others do not find out again; one of them tries, and its success closes all', async () => {
    const [first, second, third] = [breaker('a'), breaker('b'), breaker('c')];
    await open(first);
    expect(await second.waitMs()).toBeGreaterThan(0);
    expect([second.state, second.faults]).toEqual([2, first.faults]);

    await until(async () => (await second.waitMs()) === 0 && second.state === 1);
    expect(await second.admit()).toBe(true);
    expect(await second.admit()).toBe(true); // still the one, if it had nothing to send the first time
    await until(async () => (await third.waitMs()) === 0 && third.state === 1);
    expect(await third.admit()).toBe(false);

    await second.run(() => Promise.resolve(undefined));
    await tryAt(third, undefined);
    expect([second.state, third.state, await breaker('d').waitMs()]).toEqual([0, 0, 0]);
  });

  test('a process that starts while one is tried waits for its turn, also when nobody has a pause any more', async () => {
    const first = breaker('a');
    await open(first);
    await until(async () => (await first.waitMs()) === 0 && (await first.admit()));
    const late = breaker('b');
    await late.waitMs();
    expect(late.state).not.toBe(0);
    await until(() => late.state === 1);
    expect(await late.admit()).toBe(false);
    await first.run(() => Promise.resolve(fault)); // and it is not there yet: all wait again
    expect(await breaker('c').waitMs()).toBeGreaterThan(0);
  });
});

describe('without Redis', () => {
  test('each process has a breaker of its own', async () => {
    const away = openRedis('redis://127.0.0.1:1', 'away');
    opened.push(() => {
      away.disconnect();
    });
    const [first, second] = [breaker('a', away), breaker('b', away)];
    await open(first);
    expect([first.state, await second.waitMs()]).toEqual([2, 0]);
    await tryAt(first, undefined);
    expect(first.state).toBe(0);
  });

  test('a Redis that is there and does not answer is left alone', async () => {
    const { proxyUrl, freeze } = await freezable();
    const stuck = openRedis(proxyUrl, 'stuck');
    opened.push(() => {
      stuck.disconnect();
    });
    await stuck.ping();
    freeze();
    const one = breaker('a', stuck);
    await open(one); // each of these would wait for as long as Redis sleeps
    await tryAt(one, undefined);
    expect(one.state).toBe(0);
  });
});

/** A way to Redis on which, from some moment on, nothing comes through any more. */
async function freezable(): Promise<{ proxyUrl: string; freeze: () => void }> {
  const { hostname, port } = new URL(url);
  const pairs: [Socket, Socket][] = [];
  const server = createServer((socket) => {
    const behind = connect(Number(port), hostname);
    pairs.push([socket.on('error', () => undefined), behind.on('error', () => undefined)]);
    socket.pipe(behind).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => {
    for (const socket of pairs.flat()) socket.destroy();
    server.close();
  });
  return {
    proxyUrl: Object.assign(new URL(url), { host: `127.0.0.1:${(server.address() as AddressInfo).port}` }).href,
    freeze() {
      for (const [socket, behind] of pairs) socket.unpipe(behind);
    },
  };
}
