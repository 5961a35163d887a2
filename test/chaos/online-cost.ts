import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadDataset } from '../../bench/dataset/load.ts';
import { datasetOptions } from '../../bench/dataset/options.ts';
import { type OrderPlan, planOrders } from '../../bench/dataset/plan.ts';
import { pay } from '../../bench/load/pay.ts';
import { cpuMicrosOf, cpuMicrosOfFamily } from '../../bench/measure/process-stat.ts';
import { bootstrapInterval } from '../../bench/statistics/bootstrap.ts';
import { geometricMean } from '../../bench/statistics/paired-ratios.ts';
import { type Child, startChild } from '../support/processes.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';
import { startForTests } from '../support/test-services.ts';

/**
 * `npm run online-cost`: what the online verifier adds to the CPU of a payment. Payments by one saga at an even rate, in blocks with the
 * verifier and blocks without it next to each other (first one, then the other, then the other way round); the ratio of each pair, and
 * the interval over pairs. CPU of router, worker, Postgres and verifier; the generator and Redis are left out, they are the same in both.
 */
const { values } = parseArgs({
  options: {
    style: { type: 'string', default: 'orchestration' },
    rate: { type: 'string', default: '300' },
    seconds: { type: 'string', default: '12' },
    pairs: { type: 'string', default: '8' },
  },
});
const [rate, seconds, pairs] = [Number(values.rate), Number(values.seconds), Number(values.pairs)];
const roles =
  values.style === 'choreography' ? (['order', 'balance', 'product', 'payment'] as const) : (['orchestrator'] as const);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const perBlock = rate * seconds;

async function measure(): Promise<void> {
  const db = await freshDatabase();
  const dataset = datasetOptions({ users: 2_000, products: 200, orders: perBlock * (2 * pairs + 1) });
  await loadDataset(db.url, dataset);
  const plans = planOrders(dataset)[Symbol.iterator]();
  const take = (): OrderPlan[] => Array.from({ length: perBlock }, () => plans.next().value as OrderPlan);
  const redis = freshRedis();
  const environment = {
    ...{ DATABASE_URL: db.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix },
    ...{ SAGASHIFT_ENGINE: values.style, SAGASHIFT_SAGA_ENGINE: values.style, SAGASHIFT_LOG_LEVEL: 'error' },
  };
  const stack: Child[] = [];
  try {
    stack.push(await startChild('scripts/service.ts', roles, environment));
    stack.push(await startChild('router/main.ts', [], environment));
    const postgres = await postmasterOf(db);
    const url = stack[1]?.ready.url ?? '';
    await payEvenly(url, take()); // warm
    const ratios: number[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      const cost = { with: 0, without: 0 };
      for (const side of pair % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
        const verifier =
          side === 'with' ? await startChild('scripts/service.ts', ['verifier'], environment) : undefined;
        await sleep(2_000); // its start, which folds everything once, is over
        const family = [...stack, ...(verifier === undefined ? [] : [verifier])].map(({ ready }) => ready.pid);
        const before = cpuOf(family, postgres);
        await payEvenly(url, take());
        cost[side] = (cpuOf(family, postgres) - before) / perBlock;
        await verifier?.stop();
      }
      ratios.push(cost.with / cost.without);
      say(
        `pair ${pair + 1}: ${Math.round(cost.with)} µs a payment with it, ${Math.round(cost.without)} µs without, ratio ${(cost.with / cost.without).toFixed(3)}`,
      );
    }
    const interval = bootstrapInterval(ratios, Math.random);
    say(
      `${values.style} at ${rate}/s, ${pairs} pairs of ${seconds} s: ${geometricMean(ratios).toFixed(3)}, 95 % interval ${interval?.map((end) => end.toFixed(3)).join(' to ') ?? 'of one pair there is none'}`,
    );
  } finally {
    for (const child of stack.reverse()) await child.stop();
    await db.drop();
  }
}

async function payEvenly(url: string, plans: readonly OrderPlan[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  const began = performance.now();
  const asked: Promise<unknown>[] = [];
  for (const [i, plan] of plans.entries()) {
    const dueAt = began + (i / rate) * 1_000;
    const early = dueAt - performance.now();
    if (early > 2) await sleep(early);
    asked.push(pay(url, plan, dueAt, 30_000, agent));
  }
  await Promise.all(asked);
  agent.destroy();
}

const cpuOf = (pids: readonly number[], postgres: number): number =>
  pids.reduce((sum, pid) => sum + cpuMicrosOf(pid), cpuMicrosOfFamily(postgres));

async function postmasterOf({ pool }: FreshDatabase): Promise<number> {
  const [row] = await pool.query<{ dir: string }>(`select current_setting('data_directory') as dir`);
  return Number(readFileSync(`${row?.dir}/postmaster.pid`, 'utf8').split('\n')[0]);
}

const stopServices = await startForTests();
try {
  await measure();
} finally {
  await stopServices();
}
