import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClientEntry } from '../../consistency/client-log/operation-log.ts';
import { verifyClientLog } from '../../consistency/client-log/verify-client-log.ts';
import { verify } from '../../consistency/verifier.ts';
import { startDataPlatform } from '../../eventdriven/index.ts';
import { changeRollout } from '../../router/canary/change-rollout.ts';
import type { RolloutRow } from '../../router/rollout-sql.ts';
import { type Child, startChild } from '../support/processes.ts';
import { openSagas } from '../support/saga-load.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';
import { coexistSeed, inOrderOf, inWords, momentsOf } from './coexist-moments.ts';
import { type Buyer, buyAll, placeMixed } from './mixed-orders.ts';

/**
 * Monolith and saga at once, at 50 %, on a few hot products, as processes of their own: the worker is killed, backends of both
 * sides are terminated, the emergency rollback is switched on and off, all in mid-run, at moments that SEED=n draws. Everything
 * ends final, and the books of both, and the clients' own, agree.
 */
const moments = momentsOf(coexistSeed);
let db: FreshDatabase;
let platform: Awaited<ReturnType<typeof startDataPlatform>>;
const children: Child[] = [];
beforeEach(async () => {
  [db, platform] = await Promise.all([
    freshDatabase(),
    startDataPlatform({ host: '127.0.0.1', port: 0, latencyMs: 0, failureRate: 0, seed: 1 }),
  ]);
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  await platform.stop();
  await db.drop();
});

const rollout = (change: Partial<RolloutRow>) =>
  changeRollout(db.pool, change, { actor: 'test', action: 'set', reason: 'coexist' }, { retryOnConflict: true });

/** How many backends of this kind were ended. */
const terminate = async (name: string): Promise<number> =>
  (
    await db.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like $1`,
      [name],
    )
  ).length;

async function until(seen: () => Promise<boolean>): Promise<void> {
  while (!(await seen())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const entryOf = ({ order, reply }: Buyer): ClientEntry => {
  if (reply.status === 201) return { orderId: order.id, outcome: 'paid', paymentId: reply.body['paymentId'] as number };
  return { orderId: order.id, outcome: reply.status === 422 ? 'refused' : 'unknown' };
};

describe.each([
  { style: 'orchestration', roles: ['orchestrator'] },
  { style: 'choreography', roles: ['order', 'balance', 'product', 'payment'] },
] as const)('legacy and $style', ({ style, roles }) => {
  test(`stay consistent with SEED=${coexistSeed}: ${inWords(moments)}`, async () => {
    const redis = freshRedis();
    const environment = {
      ...{ DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix },
      ...{ SAGASHIFT_SAGA_ENGINE: style, SAGASHIFT_DATA_PLATFORM_URL: platform.url, SAGASHIFT_LOG_LEVEL: 'fatal' },
    };
    const start = async (script: string, args: readonly string[]): Promise<Child> => {
      const child = await startChild(script, args, environment);
      children.push(child);
      return child;
    };
    const orders = inOrderOf(coexistSeed, await placeMixed(db.pool, 240));
    await rollout({ enabled: true, percentage: 50 });
    const [worker, router] = await Promise.all([start('scripts/service.ts', roles), start('router/main.ts', [])]);
    let openAtTheKill = 0;
    const ended = { legacy: 0, saga: 0 };
    const buyers = await buyAll(router.ready.url as string, orders, {
      [moments.kill]: async () => {
        process.kill(worker.ready.pid, 'SIGSTOP'); // from here its sagas stay open, however quick it was
        await until(async () => (await openSagas(db.pool)) > 0);
        await worker.kill('SIGKILL');
        openAtTheKill = await openSagas(db.pool);
        await start('scripts/service.ts', roles);
      },
      [moments.cut]: async () => {
        ended.saga = await terminate(`sagashift ${style} %`);
        ended.legacy = await terminate('sagashift legacy');
      },
      [moments.emergency]: async () => {
        await rollout({ emergency: true });
      },
      [moments.backAgain]: async () => {
        await rollout({ emergency: false });
      },
    });

    expect(openAtTheKill).toBeGreaterThan(0);
    expect(ended.saga).toBeGreaterThan(0);
    expect(ended.legacy).toBeGreaterThan(0);
    expect(buyers.map(({ reply }) => reply.status === 201 || reply.status === 422)).not.toContain(false);
    expect(buyers.map(({ reply }) => reply.body['code'] ?? 'PAID')).toEqual(orders.map(({ ends }) => ends));
    const reasons = new Set(buyers.map(({ reply }) => (reply.body['route'] as { reason: string }).reason));
    expect([...reasons]).toEqual(expect.arrayContaining(['bucket', 'default', 'emergency']));

    const undelivered = `select from external_event_log where status in ('PENDING', 'FAILED') limit 1`;
    await until(async () => (await openSagas(db.pool)) === 0 && (await db.pool.query(undelivered)).length === 0);
    const { perInvariant, unexamined, checked } = await verify(db.url, {
      mode: 'drained',
      expectEngines: ['legacy', style],
    });
    expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
    expect(unexamined).toEqual([]);
    expect(Object.values(checked).reduce((sum, n) => sum + n, 0)).toBe(orders.length);
    expect(await verifyClientLog(db.url, buyers.map(entryOf))).toMatchObject({ violations: 0, unknown: { open: 0 } });
  }, 120_000);
});

test('without the monolith’s row locks the verifier finds what it has overwritten, within one run', async () => {
  const redis = freshRedis();
  const environment = {
    ...{ DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix, SAGASHIFT_LOG_LEVEL: 'fatal' },
  };
  // The saga holds a stock for 20 ms: the monolith, which does not ask for the row, reads what is about to be old.
  const worker = startChild('scripts/service.ts', ['orchestrator'], {
    ...environment,
    SAGASHIFT_ADDED_MS: 'confirmStock=20',
  });
  const router = startChild('router/main.ts', [], { ...environment, SAGASHIFT_SABOTAGE: 'row-locks-off' });
  children.push(...(await Promise.all([worker, router])));
  const orders = await placeMixed(db.pool, 120);
  await rollout({ enabled: true, percentage: 50 });
  await buyAll((await router).ready.url as string, orders);
  const { perInvariant } = await verify(db.url, { mode: 'live', expectEngines: ['legacy', 'orchestration'] });
  const broken = perInvariant.flatMap(({ code, violations }) => (violations > 0 ? [code] : []));
  expect(broken).toContain('S3');
}, 120_000);
