import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { verify } from '../../consistency/verifier.ts';
import { startDataPlatform } from '../../eventdriven/index.ts';
import { changeRollout } from '../../router/canary/change-rollout.ts';
import { startRouter } from '../../router/main.ts';
import { readConfig } from '../../runtime/config.ts';
import { type Stoppable, stopInReverse } from '../../runtime/lifecycle.ts';
import { setWallClock } from '../../runtime/wall-clock.ts';
import { type ServiceRole, startService } from '../../scripts/service-roles.ts';
import { openSagas } from '../support/saga-load.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';
import { buyAll, placeMixed } from './mixed-orders.ts';

/**
 * Router, monolith with its Redis locks, worker and delivery in this process, whose clock is set an hour ahead, then to an hour
 * behind, then right, while payments come. A database's deadlines and a Redis' time-outs are not this clock's, and nothing of ours is.
 */
let db: FreshDatabase;
const running: Stoppable[] = [];
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(async () => {
  setWallClock(0);
  await stopInReverse(running.splice(0));
  await db.drop();
});

const anHourMs = 3_600_000;

async function until(seen: () => Promise<boolean>): Promise<void> {
  while (!(await seen())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function start(style: string, roles: readonly ServiceRole[]): Promise<string> {
  const redis = freshRedis();
  const platform = await startDataPlatform({ host: '127.0.0.1', port: 0, latencyMs: 0, failureRate: 0, seed: 1 });
  running.push(platform);
  const env = {
    ...{ DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix },
    ...{ SAGASHIFT_DATA_PLATFORM_URL: platform.url, SAGASHIFT_LOG_LEVEL: 'silent', SAGASHIFT_SAGA_ENGINE: style },
  };
  const dataPlatform = { latencyMs: 0, failureRate: 0, seed: 1 };
  running.push(await startService({ roles, port: 0, env, dataPlatform }));
  const router = await startRouter(readConfig(env));
  running.push(router);
  return router.url;
}

test.each([
  ['orchestration', ['orchestrator']],
  ['choreography', ['order', 'balance', 'product', 'payment']],
] as const)(
  'a clock that jumps while legacy and %s take payments changes no route, and no end',
  async (style, roles) => {
    const change = { enabled: true, percentage: 50 };
    await changeRollout(db.pool, change, { actor: 'test', action: 'set', reason: 'clock' }, { retryOnConflict: true });
    const url = await start(style, roles);
    const orders = await placeMixed(db.pool, 80);
    const set = (ms: number) => async () => {
      setWallClock(ms);
      await Promise.resolve();
    };

    const buyers = await buyAll(url, orders, { 20: set(anHourMs), 40: set(-anHourMs), 60: set(0) });

    expect(buyers.map(({ reply }) => reply.body['code'] ?? 'PAID')).toEqual(orders.map(({ ends }) => ends));
    const reasons = buyers.map(({ reply }) => (reply.body['route'] as { reason: string }).reason);
    expect([...new Set(reasons)].sort()).toEqual(['bucket', 'default']);
    const undelivered = `select from external_event_log where status in ('PENDING', 'FAILED') limit 1`;
    await until(async () => (await openSagas(db.pool)) === 0 && (await db.pool.query(undelivered)).length === 0);
    const { perInvariant, unexamined } = await verify(db.url, { mode: 'drained', expectEngines: ['legacy', style] });
    expect(perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
    expect(unexamined).toEqual([]);
  },
  60_000,
);
