import { join } from 'node:path';
import { repository } from '../../runtime/repository.ts';
import { type Services, startServices } from '../../runtime/services/services.ts';
import { startChild } from '../arms/child-process.ts';
import { openRunDatabases } from '../databases.ts';
import { describeCommit } from '../preflight/commit.ts';
import { deleteKeys } from '../redis-keys.ts';
import { writeFileWhole } from '../result-file.ts';
import type { Progress } from '../run/progress.ts';
import { dropAbandonedData, endAbandonedProcesses, openRunRecord } from '../run-record.ts';
import { describeEnvironment } from './chaos-environment.ts';
import type { ChaosContext } from './chaos-context.ts';
import { chaosDataset, type ChaosOptions, planChaos, timesOf } from './chaos-plan.ts';
import type { ChaosResult } from './chaos-result.ts';
import { addedUp, setScore } from './chaos-score.ts';
import { type Figures, figures, noFigures } from './figures/figures.ts';
import { renderChaosReport } from './report/chaos-report.ts';
import { injectAll } from './inject-all.ts';

export interface ChaosInput {
  readonly id: string;
  readonly options: ChaosOptions;
  readonly command: string;
  readonly directory: string;
  readonly progress: Progress;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs every fault against its style, then measures the figures; resolves with what came of it, also when it was interrupted. Leaves nothing behind. */
export async function runChaos(input: ChaosInput, signal: AbortSignal): Promise<ChaosResult> {
  const { options, progress } = input;
  const records = join(repository, '.cache', 'bench');
  const began = performance.now();
  const result = emptyResult(input);
  await endAbandonedProcesses(records);
  progress.now('starting Postgres and Redis');
  const services = await startServices({ kind: 'embedded', env: input.env, signal });
  try {
    await dropAbandonedData(records, services);
    result.servers = services.how;
    result.environment = await describeEnvironment(services, options.styles);
    await withContext(input, services, result, records, signal, async (context) => {
      await faultsIn(context, signal);
      await figuresIn(context, signal);
    });
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

const emptyResult = ({ id, command, options }: ChaosInput): ChaosResult => ({
  schemaVersion: '1.1.0',
  run: {
    ...{ id, seed: options.seed, command, ratePerSecond: options.ratePerSecond },
    ...{ quick: options.quick, ...describeCommit() },
    ...{ sabotage: options.sabotage, startedAt: new Date().toISOString(), seconds: 0, state: 'running' },
  },
  servers: { postgres: '', redis: '' },
  environment: null,
  planned: [...planChaos(options).values()].reduce((sum, list) => sum + list.length, 0),
  results: [],
  notRun: [],
  figuresPlanned: options.figures,
  figures: noFigures,
  score: { examined: 0, touched: 0, lowerBound95: 0 },
  troubles: [],
});

const save = (directory: string, result: ChaosResult): void => {
  writeFileWhole(join(directory, 'chaos.json'), `${JSON.stringify(result, null, 1)}\n`);
  writeFileWhole(join(directory, 'report.html'), renderChaosReport(result));
};

/** Whatever is made in `work`, databases, processes and keys, is gone when this resolves. */
async function withContext(
  { id, options, directory, progress }: ChaosInput,
  services: Services,
  result: ChaosResult,
  records: string,
  signal: AbortSignal,
  work: (context: ChaosContext) => Promise<void>,
): Promise<void> {
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
    const platform = { name: 'data platform', script: 'scripts/service.ts', args: ['dataplatform'], env: {} };
    const dataPlatform = await startChild(platform, onSpawn, signal);
    stops.push(() => dataPlatform.stop());
    await work({
      ...{ options, services, databases, keyPrefix, dataPlatform, onSpawn, progress, directory, result },
      save: () => {
        save(directory, result);
      },
    });
  } finally {
    await Promise.allSettled(stops.map((stop) => stop()));
    await databases.dropAll();
    await deleteKeys(services.redisUrl, keyPrefix);
    record.close();
  }
}

async function faultsIn(context: ChaosContext, signal: AbortSignal): Promise<void> {
  const { options, databases, progress } = context;
  const plan = planChaos(options);
  const most = Math.max(...[...plan.values()].map((list) => list.length));
  if (most === 0) return;
  const perFault = options.ratePerSecond * timesOf(options).longestLoadSeconds;
  const dataset = chaosDataset(options, perFault * most);
  progress.now(`loading ${dataset.orders} orders`);
  const template = await databases.template('chaos', dataset, signal);
  for (const [style, list] of plan)
    await injectAll({ style, faults: list, template, dataset, perFault }, context, signal);
  await databases.drop('chaos');
}

async function figuresIn(context: ChaosContext, signal: AbortSignal): Promise<void> {
  const { options, result, progress } = context;
  const before = { ...result.score };
  const keep = (part: Partial<Figures>): void => {
    result.figures = { ...result.figures, ...part };
    const { cost, memory } = result.figures;
    setScore(result, before, addedUp([...cost, ...memory]));
    context.save();
  };
  for (const { name, title, measure } of figures) {
    if (!options.figures.includes(name)) continue;
    progress.now(`measuring ${title}`);
    await measure(context, keep, signal);
  }
}
