import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startNightlySchedule } from '../../consistency/nightly/schedule.ts';
import { ConfigError } from '../../runtime/environment.ts';
import { readNightlyConfig } from '../../runtime/nightly-config.ts';
import { openConnection } from '../../runtime/database.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { paidOrders } from '../support/paid-orders.ts';
import { privateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

const eachSecond = '* * * * * *';
const once = '0 0 1 1 *';

let db: FreshDatabase;
let redis: PrivateRedis;
let out = '';
beforeAll(async () => {
  [db, redis] = await Promise.all([freshDatabase(), privateRedis()]);
  await paidOrders(db.url, 100);
  out = mkdtempSync(join(tmpdir(), 'nightly-schedule-'));
});
afterAll(async () => {
  await redis.stop();
  await db.drop();
  rmSync(out, { recursive: true });
});

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  await redis.flush();
  await db.pool.query('delete from verification_run');
});

async function schedule(cron: string, more: { out?: string } = {}) {
  const metrics = createMetrics();
  const lines: string[] = [];
  const log = createLog('test', 'silent');
  for (const level of ['info', 'warn', 'error'] as const)
    log[level] = (first: unknown, message?: string) => void lines.push(message ?? String(first));
  const config = readNightlyConfig({
    SAGASHIFT_NIGHTLY_CRON: cron,
    ...(more.out !== undefined && { SAGASHIFT_NIGHTLY_OUT: more.out }),
  });
  const started = await startNightlySchedule({
    databaseUrl: db.url,
    redisUrl: redis.url,
    keyPrefix: 'test',
    config,
    metrics,
    log,
    retryMs: 50,
    lookMs: 50,
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= started.stop());
  running.push({ stop });
  const figures = async (): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('payment_nightly_'));
  return { lines, figures, stop };
}

async function withQueue<T>(work: (queue: Queue) => Promise<T>): Promise<T> {
  const queue = new Queue('nightly', { connection: { url: redis.url }, prefix: 'test' });
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

async function until<T>(what: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const found = await what();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`never happened: ${what.toString()}`);
    await sleep(10);
  }
}

const finished = async (): Promise<number> =>
  (await db.pool.query(`select from verification_run where status = 'FINISHED'`)).length;
const another = async (): Promise<void> => {
  const before = await finished();
  await until(async () => (await finished()) > before);
};

describe('the schedule', () => {
  test('runs once at each time however many processes schedule it, and shows what the last night found', async () => {
    const both = await Promise.all([schedule(eachSecond), schedule(eachSecond)]);
    await another();
    await another();
    await Promise.all(both.map(({ stop }) => stop()));
    const jobs = await withQueue((queue) => queue.getCompleted());
    const at = jobs.map(({ id }) => id);
    expect(new Set(at).size).toBe(at.length);
    expect(at).toHaveLength(await finished());
    expect(jobs.every(({ attemptsMade }) => attemptsMade === 1)).toBe(true);
    const ran = both.filter(({ lines }) => lines.some((line) => line.startsWith('The books are in order: 100 orders')));
    expect(ran.length).toBeGreaterThan(0);
    expect(await ran[0]?.figures()).toEqual(
      expect.arrayContaining([
        'payment_nightly_success 1',
        'payment_nightly_examined_orders 100',
        'payment_nightly_violations{severity="money"} 0',
        'payment_nightly_expected_interval_seconds 93600',
      ]),
    );
  });

  test('is there again after Redis was emptied, and after it was away', async () => {
    await schedule(eachSecond);
    await another();
    await redis.flush();
    await another();
    await redis.kill();
    await redis.start();
    await another();
    expect(await finished()).toBeGreaterThanOrEqual(3);
  });

  test('of another pattern takes the place of the one before; off takes it back', async () => {
    const pattern = () => withQueue(async (queue) => (await queue.getJobScheduler('nightly'))?.pattern);
    const before = await schedule(once);
    await until(async () => (await pattern()) === once);
    await before.stop();
    await schedule('15 4 * * *');
    await until(async () => (await pattern()) === '15 4 * * *');
    await Promise.all(running.splice(0).map((each) => each.stop()));
    await schedule('off');
    await until(async () => (await pattern()) === undefined);
    expect(await withQueue((queue) => queue.getDelayedCount())).toBe(0);
  });

  test.each(['61 * * * *', '0 0 31 2 *', 'x x x x x'])('refuses %s, which is no time', async (cron) => {
    await expect(schedule(cron)).rejects.toThrow(ConfigError);
    await expect(schedule(cron)).rejects.toThrow(`SAGASHIFT_NIGHTLY_CRON: '${cron}' is no schedule: `);
  });

  test('stops in mid-run at once, and the next process goes on with the run', async () => {
    const holder = await openConnection({ url: db.url });
    await holder.query('begin; lock table event_store in access exclusive mode');
    const first = await schedule(eachSecond);
    await until(
      async () =>
        (
          await db.pool.query(
            `select from pg_stat_activity where datname = current_database() and application_name = 'sagashift-nightly' and wait_event_type = 'Lock'`,
          )
        ).length > 0,
    );
    await first.stop();
    expect(first.lines.at(-1)).toMatch(/^interrupted: run \d+ has done \d+ of \d+ parts/);
    await holder.query('rollback');
    await holder.close();
    const second = await schedule(eachSecond);
    await until(async () => second.lines.some((line) => line.includes('goes on: ')));
    await until(async () => (await finished()) > 0);
    const [run] = await db.pool.query(`select resumptions from verification_run order by id limit 1`);
    expect(run).toEqual({ resumptions: 1 });
  });

  test('leaves a night to whoever is at it already', async () => {
    const other = await openConnection({ url: db.url });
    await other.query('select pg_advisory_lock(-7207003)');
    const { lines } = await schedule(eachSecond);
    await until(async () => lines.some((line) => line.startsWith('a nightly run is on already')));
    await until(() => withQueue(async (queue) => (await queue.getCompleted()).length > 0));
    expect(await finished()).toBe(0);
    await other.close();
  });

  test('writes its reports where it is told to; a place it cannot write to does not undo the run', async () => {
    const file = join(out, 'a-file');
    writeFileSync(file, '');
    const { lines, stop } = await schedule(eachSecond, { out: file });
    await until(async () => lines.some((line) => line.includes('a part of the path is a file')));
    await stop();
    expect(await finished()).toBeGreaterThan(0);
    await schedule(eachSecond, { out: join(out, 'reports') });
    await another();
    await until(async () => readdirSync(out).includes('reports') && readdirSync(join(out, 'reports')).length > 0);
  });
});
