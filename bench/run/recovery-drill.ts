import { setTimeout as sleep } from 'node:timers/promises';
import { verify } from '../../consistency/verifier.ts';
import { openPool } from '../../runtime/database.ts';
import { startArm } from '../arms/arm.ts';
import { startChild } from '../arms/child-process.ts';
import { planOrders } from '../dataset/plan.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { requestTimeoutMs } from '../load/loads.ts';
import { backlog } from '../measure/outcome-sql.ts';
import type { ScenarioPlan } from '../plan.ts';
import type { Drill } from '../result.ts';
import { drain } from './drain.ts';
import type { ScenarioContext } from './scenario-run.ts';

/** A short run has a short drill. */
const longestLeadMs = 3_000;
/** Load goes on while nobody works, so that the next worker finds a queue. */
const loadAfterKillMs = 3_000;
const limitMs = 60_000;

/**
 * Kills the saga worker under load (kill -9), starts another one, and takes the time from the kill until no saga is open.
 * The clients that were waiting stay connected: the router finds their outcomes in the database.
 */
export async function drillRecovery(
  scenario: ScenarioPlan,
  context: ScenarioContext,
  signal: AbortSignal,
): Promise<Drill> {
  const { databases, servers, record, keyPrefix } = context;
  const killAfterMs = Math.min(longestLeadMs, context.windowSeconds * 1_000);
  const loadMs = killAfterMs + loadAfterKillMs;
  const stops: (() => Promise<unknown>)[] = [];
  const onSpawn = (pid: number): void => {
    record.addProcess(pid);
  };
  try {
    const template = await databases.template('drill', scenario.dataset, signal);
    const databaseUrl = await databases.clone(template, 'orchestration');
    const dataPlatform = await startChild(
      { name: 'data platform', script: 'scripts/service.ts', args: ['dataplatform'], env: {} },
      onSpawn,
      signal,
    );
    stops.push(() => dataPlatform.stop());
    const places = {
      databaseUrl,
      redisUrl: servers.redisUrl,
      keyPrefix: `${keyPrefix}:drill`,
      dataPlatform,
      sabotage: null,
    };
    const arm = await startArm(
      { name: 'drill', engine: 'orchestration', control: false },
      scenario.scenario,
      places,
      onSpawn,
      signal,
    );
    stops.push(() => arm.stop());
    const pool = openPool({ url: databaseUrl, size: 2, applicationName: 'sagashift-bench' });
    stops.push(() => pool.close());

    const orders = [...planOrders(scenario.dataset, 1, scenario.dataset.orders)];
    const load = {
      urls: arm.urls,
      clients: scenario.scenario.clients,
      orders,
      leadInMs: 0,
      windowMs: loadMs,
      requestTimeoutMs,
    };
    const loading = runClosedLoop(load, signal);
    loading.catch(() => undefined); // awaited below; the drill may fail first
    await sleep(killAfterMs, undefined, { signal });
    await arm.workers[0]?.kill();
    const killed = performance.now();
    const { openSagas: openAtKill } = await backlog(pool);
    await arm.replaceWorker(signal);
    const replacementReadySeconds = (performance.now() - killed) / 1_000;
    await loading;
    const secondsToZeroOpen = await untilNoneOpen(async () => (await backlog(pool)).openSagas, killed, signal);
    await drain(pool, 0, signal); // sagas are final before their last event has been delivered
    const report = await verify(databaseUrl, { mode: 'drained', expectEngines: ['orchestration'], signal });
    return {
      engine: 'orchestration',
      killedAfterSeconds: killAfterMs / 1_000,
      openAtKill,
      replacementReadySeconds,
      secondsToZeroOpen,
      violations: report.violations,
      findings: report.perInvariant
        .filter((finding) => finding.violations > 0)
        .map(({ code, sentence, violations, sample }) => ({ code, title: sentence, violations, sample: [...sample] })),
    };
  } finally {
    await Promise.allSettled(stops.reverse().map((stop) => stop()));
  }
}

async function untilNoneOpen(open: () => Promise<number>, since: number, signal: AbortSignal): Promise<number | null> {
  while (performance.now() - since < limitMs) {
    if ((await open()) === 0) return (performance.now() - since) / 1_000;
    await sleep(20, undefined, { signal });
  }
  return null;
}
