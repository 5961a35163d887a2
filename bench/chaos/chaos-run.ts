import { join } from 'node:path';
import { repository } from '../../runtime/repository.ts';
import { type Services, startServices } from '../../runtime/services/services.ts';
import { startChild } from '../arms/child-process.ts';
import { openRunDatabases } from '../databases.ts';
import { datasetOptions } from '../dataset/options.ts';
import { planOrders } from '../dataset/plan.ts';
import { integer, randomOf, shuffled } from '../dataset/random.ts';
import { describeCommit } from '../preflight/commit.ts';
import { deleteKeys } from '../redis-keys.ts';
import { writeFileWhole } from '../result-file.ts';
import type { Progress } from '../run/progress.ts';
import { writeOperationLog } from '../run/raw.ts';
import { dropAbandonedData, endAbandonedProcesses, openRunRecord } from '../run-record.ts';
import { findScenario, type Scenario } from '../scenarios.ts';
import { provenShare } from '../statistics/proof-bound.ts';
import { describeEnvironment } from './chaos-environment.ts';
import type { ChaosResult, FaultResult, NotRun } from './chaos-result.ts';
import { type Fault, faults, type FaultName } from './faults.ts';
import { renderChaosReport } from './report/chaos-report.ts';
import { runFault, type Verified } from './run-fault.ts';
import { startStack, type Style } from './stack.ts';

export interface ChaosOptions {
  readonly faults: readonly FaultName[];
  readonly styles: readonly Style[];
  readonly quick: boolean;
  readonly seed: number;
  readonly ratePerSecond: number;
  readonly sabotage: string | null;
  readonly out: string | null;
  readonly json: boolean;
}

export interface ChaosInput {
  readonly id: string;
  readonly options: ChaosOptions;
  readonly command: string;
  readonly directory: string;
  readonly progress: Progress;
  readonly env: NodeJS.ProcessEnv;
}

/** Of one fault: when it comes, how long payments go on after it, and for how many seconds of load there are orders. */
const times = {
  quick: { earliestMs: 1_200, latestMs: 1_800, loadAfterSeconds: 2, longestLoadSeconds: 20 },
  default: { earliestMs: 2_000, latestMs: 3_500, loadAfterSeconds: 5, longestLoadSeconds: 30 },
} as const;

/** Enough added time that sagas are open at any instant; refusals of each kind, and a product that one order in four wants. */
const failureShare = 0.05;
const hotShare = 0.25;
const addedMs = { validateOrder: 10, applyCoupon: 0, deductBalance: 10, confirmStock: 10, createPayment: 10 };

/**
 * Which fault meets which style, and in which order: from the seed alone. A quick run gives each fault to one style, in turn.
 */
export function planChaos({ faults: names, styles, quick, seed }: ChaosOptions): Map<Style, Fault[]> {
  const chosen = faults.filter(({ name }) => names.includes(name));
  const random = randomOf(seed, 0);
  const inTurn = (i: number, style: Style) => !quick || styles[(i + seed) % styles.length] === style;
  return new Map(
    styles.map((style) => [style, shuffled(random, chosen.filter((_, i) => inTurn(i, style)))]), // prettier-ignore
  );
}

/** Runs every fault against its style and resolves with what came of it, also when it was interrupted. Leaves nothing behind. */
export async function runChaos(input: ChaosInput, signal: AbortSignal): Promise<ChaosResult> {
  const { options, progress } = input;
  const records = join(repository, '.cache', 'bench');
  const began = performance.now();
  const plan = planChaos(options);
  const result: ChaosResult = {
    schemaVersion: '1.0.0',
    run: {
      ...{ id: input.id, seed: options.seed, command: input.command, ratePerSecond: options.ratePerSecond },
      ...{ quick: options.quick, ...describeCommit() },
      ...{ sabotage: options.sabotage, startedAt: new Date().toISOString(), seconds: 0, state: 'running' },
    },
    servers: { postgres: '', redis: '' },
    environment: null,
    planned: [...plan.values()].reduce((sum, list) => sum + list.length, 0),
    results: [],
    notRun: [],
    score: { examined: 0, touched: 0, lowerBound95: 0 },
    troubles: [],
  };
  await endAbandonedProcesses(records);
  progress.now('starting Postgres and Redis');
  const services = await startServices({ kind: 'embedded', env: input.env, signal });
  try {
    await dropAbandonedData(records, services);
    result.servers = services.how;
    result.environment = await describeEnvironment(services, options.styles);
    await inject(plan, input, services, result, records, signal);
    result.run.state = 'complete';
  } catch (error) {
    result.run.state = signal.aborted ? 'interrupted' : 'failed';
    result.troubles.push(signal.aborted ? 'the run was interrupted' : `the run failed: ${String(error)}`);
  } finally {
    progress.now('stopping');
    await services.stop();
    progress.done();
    result.run.seconds = (performance.now() - began) / 1_000;
    save(input.directory, result);
  }
  return result;
}

const save = (directory: string, result: ChaosResult): void => {
  writeFileWhole(join(directory, 'chaos.json'), `${JSON.stringify(result, null, 1)}\n`);
  writeFileWhole(join(directory, 'report.html'), renderChaosReport(result));
};

async function inject(
  plan: ReadonlyMap<Style, readonly Fault[]>,
  input: ChaosInput,
  services: Services,
  result: ChaosResult,
  records: string,
  signal: AbortSignal,
): Promise<void> {
  const { id, options, progress } = input;
  const keyPrefix = `saga-chaos-${id}`;
  const record = openRunRecord(records, id, keyPrefix);
  const databases = openRunDatabases(services.databaseUrl, id, (name) => {
    record.addDatabase(name);
  });
  const onSpawn = (pid: number): void => {
    record.addProcess(pid);
  };
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const { loadAfterSeconds, longestLoadSeconds } = times[options.quick ? 'quick' : 'default'];
    const perFault = options.ratePerSecond * longestLoadSeconds;
    const most = Math.max(...[...plan.values()].map((list) => list.length));
    const dataset = datasetFor(options, perFault * Math.max(1, most));
    progress.now(`loading ${dataset.orders} orders`);
    const template = await databases.template('chaos', dataset, signal);
    const dataPlatform = await startChild(
      { name: 'data platform', script: 'scripts/service.ts', args: ['dataplatform'], env: {} },
      onSpawn,
      signal,
    );
    stops.push(() => dataPlatform.stop());
    for (const [style, list] of plan) {
      const able = list.filter((fault) => canRun(fault, style, services, result.notRun));
      if (able.length === 0) continue;
      progress.now(`${style}: starting`);
      const places = {
        databaseUrl: await databases.clone(template, style),
        redisUrl: services.redisUrl,
        keyPrefix: `${keyPrefix}:${style}`,
        dataPlatform,
        sabotage: options.sabotage,
      };
      const stack = await startStack(style, scenario, places, onSpawn, signal);
      try {
        let known: ReadonlyMap<string, number> = new Map();
        let toldWrong = 0;
        const before = { ...result.score };
        for (const [i, fault] of able.entries()) {
          progress.now(`${style}: ${fault.name}, ${i + 1} of ${able.length}: ${fault.title}`);
          const orders = [...planOrders(dataset, i * perFault + 1, (i + 1) * perFault)];
          const injectAfterSeconds = momentOf(fault, style, options);
          const verified = await runFault(
            {
              fault,
              stack,
              restart: services.restart,
              orders,
              ...options,
              loadAfterSeconds,
              injectAfterSeconds,
              known,
            },
            signal,
          );
          const log = join(input.directory, 'raw', `${style}.${fault.name}.operations.ndjson.gz`);
          writeOperationLog(log, { style, fault: fault.name }, verified.log);
          known = verified.found;
          toldWrong += verified.toldWrong;
          setScore(result, before, scoreOf(verified, toldWrong));
          result.results.push(verified.result);
          progress.note(lineOf(verified.result));
          save(input.directory, result);
          if (verified.result.notFinal > 0) break; // what is stuck would be counted to every fault that comes next
        }
      } finally {
        await stack.stop();
      }
    }
  } finally {
    await Promise.allSettled(stops.map((stop) => stop()));
    await databases.dropAll();
    await deleteKeys(services.redisUrl, keyPrefix);
    record.close();
  }
}

const datasetFor = ({ seed }: ChaosOptions, orders: number) =>
  datasetOptions({
    ...{ seed, orders, users: 2_000, products: 200, hotShare },
    ...{ lowBalanceShare: failureShare, lapsedShare: failureShare, usedCouponShare: failureShare },
    blockedShare: failureShare,
  });

const scenario: Scenario = { ...(findScenario('bare') as Scenario), name: 'chaos', addedMs };

function canRun({ name, needs }: Fault, style: Style, { restart }: Services, notRun: NotRun[]): boolean {
  if (needs === undefined || restart[needs] !== undefined) return true;
  const variable = { postgres: 'DATABASE_URL', redis: 'REDIS_URL' }[needs];
  notRun.push({ fault: name, style, why: `${variable} names a server that is not this run's to restart or to empty` });
  return false;
}

function momentOf({ name }: Fault, style: Style, { seed, quick }: ChaosOptions): number {
  const { earliestMs, latestMs } = times[quick ? 'quick' : 'default'];
  const stream = Buffer.from(`${style} ${name}`).reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7);
  return integer(randomOf(seed, stream), earliestMs, latestMs) / 1_000;
}

const lineOf = ({ fault, openAtInjection, zeroOpenSeconds, failures }: FaultResult): string =>
  `  ${fault}: ${openAtInjection} open, all final after ${zeroOpenSeconds?.toFixed(1) ?? '-'} s${failures.length === 0 ? '' : `; ${failures[0] ?? ''}`}`;

interface Score {
  readonly examined: number;
  readonly touched: number;
}

/** A saga that never ended, or an answer that is wrong, breaks no invariant of the books for good, and is not consistent either. */
const scoreOf = ({ score: { examined, touched }, result: { notFinal } }: Verified, toldWrong: number): Score => ({
  examined,
  touched: Math.min(examined, touched + notFinal + toldWrong),
});

/** `before`: of the styles that were done before. */
function setScore({ score }: ChaosResult, before: Score, { examined, touched }: Score): void {
  score.examined = before.examined + examined;
  score.touched = before.touched + touched;
  score.lowerBound95 = provenShare(score.examined, score.touched);
}
