import { parseArgs } from 'node:util';
import { onlineText, violationsIn } from '../../consistency/online/online-text.ts';
import { type OnlineEvent, watchOnline } from '../../consistency/online/watch-online.ts';
import { verify } from '../../consistency/verifier.ts';
import { startDataPlatform } from '../../eventdriven/index.ts';
import { changeRollout } from '../../router/canary/change-rollout.ts';
import type { Pool } from '../../runtime/database.ts';
import { openSagas } from '../support/saga-load.ts';
import { type Child, startChild } from '../support/processes.ts';
import { freshDatabase, freshRedis } from '../support/services.ts';
import { startForTests } from '../support/test-services.ts';
import { buyAll, placeMixed } from './mixed-orders.ts';

/**
 * `npm run soak -- --style orchestration --seconds 600`: monolith and saga at 50 % under a steady rate, with a kill of the worker, ended
 * backends or an emergency rollback every ten seconds, and the online verifier beside them. Fails when it finds anything, or the pass at the end does.
 */
const { values } = parseArgs({
  options: {
    style: { type: 'string', default: 'orchestration' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '40' },
  },
});
const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
const roles =
  values.style === 'choreography' ? (['order', 'balance', 'product', 'payment'] as const) : (['orchestrator'] as const);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function soak(): Promise<number> {
  const db = await freshDatabase();
  const platform = await startDataPlatform({ host: '127.0.0.1', port: 0, latencyMs: 0, failureRate: 0, seed: 1 });
  const children: Child[] = [];
  const over = new AbortController();
  const cycles: Extract<OnlineEvent, { kind: 'cycle' }>[] = [];
  let found = 0;
  try {
    const orders = await placeMixed(db.pool, rate * seconds);
    say(`placed ${orders.length} orders`);
    const redis = freshRedis();
    const environment = {
      ...{ DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix },
      ...{ SAGASHIFT_SAGA_ENGINE: values.style, SAGASHIFT_DATA_PLATFORM_URL: platform.url },
      SAGASHIFT_LOG_LEVEL: 'fatal',
    };
    const startWorker = () => startChild('scripts/service.ts', roles, environment);
    await rollout(db.pool, { enabled: true, percentage: 50 });
    children.push(await startWorker(), await startChild('router/main.ts', [], environment));
    const router = children[1]?.ready.url ?? '';

    const watching = watchOnline({
      url: db.url,
      signal: over.signal,
      onEvent(event) {
        if (event.kind === 'cycle') cycles.push(event);
        if ('found' in event) found += violationsIn(event.found);
        if (event.kind !== 'cycle' || event.found.length > 0 || event.refolded || cycles.length % 10 === 0)
          say(onlineText(event));
      },
    });
    const faults = [
      async () => {
        const worker = children[0];
        await worker?.kill('SIGKILL');
        children[0] = await startWorker();
      },
      () => terminate(db.pool, 'sagashift legacy'),
      () => rollout(db.pool, { emergency: true }),
      () => rollout(db.pool, { emergency: false }),
      () => terminate(db.pool, `sagashift ${values.style} %`),
    ];
    let injected: Promise<unknown> = Promise.resolve();
    for (let second = 0; second < seconds; second++) {
      const next = new Promise((resolve) => setTimeout(resolve, 1_000));
      const fault = faults[(second / 10 - 1) % faults.length];
      if (fault !== undefined) injected = injected.then(fault);
      await buyAll(router, orders.slice(second * rate, (second + 1) * rate));
      await next;
    }
    await injected;
    while ((await openSagas(db.pool)) > 0 || (await undelivered(db.pool)))
      await new Promise((resolve) => setTimeout(resolve, 100));
    over.abort();
    await watching;
    const { violations, checked } = await verify(db.url, { mode: 'drained' });
    const ms = cycles.map((cycle) => cycle.ms).sort((a, b) => a - b);
    const examined = cycles.reduce((sum, cycle) => sum + cycle.orders, 0);
    say(
      JSON.stringify({
        style: values.style,
        checked,
        cycles: cycles.length,
        examined,
        medianMs: ms[ms.length >> 1],
        found,
        violationsAtTheEnd: violations,
      }),
    );
    return found + violations > 0 ? 1 : 0;
  } finally {
    over.abort();
    await Promise.all(children.map((child) => child.stop()));
    await platform.stop();
    await db.drop();
  }
}

function rollout(pool: Pool, change: Parameters<typeof changeRollout>[1]): Promise<unknown> {
  return changeRollout(pool, change, { actor: 'test', action: 'set', reason: 'soak' }, { retryOnConflict: true });
}

const terminate = (pool: Pool, name: string): Promise<unknown> =>
  pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like $1`,
    [name],
  );

const undelivered = async (pool: Pool): Promise<boolean> =>
  (await pool.query(`select from external_event_log where status in ('PENDING', 'FAILED') limit 1`)).length > 0;

const stopServices = await startForTests();
try {
  process.exitCode = await soak();
} finally {
  await stopServices();
}
