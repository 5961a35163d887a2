import { join } from 'node:path';
import { repository } from '../../runtime/repository.ts';
import { type Services, startServices } from '../../runtime/services/services.ts';
import { compareArms } from '../comparisons.ts';
import { openRunDatabases } from '../databases.ts';
import { guardStatements } from '../guard.ts';
import { judgeKpis } from '../kpi.ts';
import type { RunOptions } from '../options.ts';
import { fitWindow, type Plan } from '../plan.ts';
import type { K6 } from '../load/k6-binary.ts';
import { deleteKeys } from '../redis-keys.ts';
import { saveResult } from '../result-file.ts';
import type { ArmResult, Result } from '../result.ts';
import { driverOf } from './driver-of.ts';
import { dropAbandonedData, endAbandonedProcesses, openRunRecord } from '../run-record.ts';
import { preflight } from './preflight.ts';
import type { Progress } from './progress.ts';
import type { RunEvents } from './run-events.ts';
import { writeRaw } from './raw.ts';
import { drillRecovery } from './recovery-drill.ts';
import { runScenario, type ScenarioContext } from './scenario-run.ts';
import { conclude } from './conclude.ts';

export interface RunInput {
  readonly id: string;
  readonly options: RunOptions;
  readonly plan: Plan;
  readonly command: string;
  readonly directory: string;
  /** What drives the load, if k6 does. */
  readonly k6: K6 | null;
  readonly progress: Progress;
  readonly events: RunEvents;
  /** DATABASE_URL and REDIS_URL name servers that are there already. */
  readonly env: NodeJS.ProcessEnv;
}

const recordsDirectory = join(repository, '.cache', 'bench');

/**
 * Runs the plan and resolves with its result, also when it was interrupted: then with what was measured until then. Rejects
 * when services can't be had. Leaves no process, database or key behind, unless told to keep the databases.
 */
export async function runBench(input: RunInput, signal: AbortSignal): Promise<Result> {
  const { options, plan, progress } = input;
  const began = performance.now();
  await endAbandonedProcesses(recordsDirectory);
  progress.now('starting Postgres and Redis');
  const services = await startServices({ kind: options.services, env: input.env, signal });
  try {
    await dropAbandonedData(recordsDirectory, services);
    progress.now('looking at the machine');
    const result = await preflight(input, services);
    input.events.started(result);
    await measure(result, input, services, began, signal);
    return result;
  } finally {
    progress.now(`stopping; ${plan.scenarios.length} scenarios were planned`);
    await services.stop();
    progress.done();
  }
}

/** As in the tables of scenarios and engines, not as the seed shuffled the first round. */
function inPlannedOrder(arms: readonly ArmResult[], plan: Plan): ArmResult[] {
  const planned = plan.scenarios.flatMap(({ scenario, arms: own }) => own.map((arm) => `${scenario.name}/${arm.name}`));
  const place = (arm: ArmResult) => planned.indexOf(`${arm.scenario}/${arm.name}`);
  return [...arms].sort((a, b) => place(a) - place(b));
}

async function measure(
  result: Result,
  input: RunInput,
  services: Services,
  began: number,
  signal: AbortSignal,
): Promise<void> {
  const { id, options, plan, directory } = input;
  const keyPrefix = `saga-bench-${id}`; // short: with scenario and arm a process takes 64 characters
  const record = openRunRecord(recordsDirectory, id, keyPrefix);
  const databases = openRunDatabases(services.databaseUrl, id, (name) => {
    record.addDatabase(name);
  });
  const save = (): void => {
    result.run.seconds = (performance.now() - began) / 1_000;
    saveResult(directory, result);
  };
  // Not after every round: a thousand resamplings would run beside the next one.
  const judge = (): void => {
    result.comparisons = compareArms(result.arms, options.seed);
    result.guard = guardStatements(result.arms, result.scenarios);
    result.kpis = judgeKpis(result);
    save();
  };
  const base: Omit<ScenarioContext, 'windowSeconds'> = {
    plan,
    servers: services,
    keyPrefix,
    databases,
    record,
    sabotage: options.sabotage,
    drive: driverOf(options, input.k6, (pid) => {
      record.addProcess(pid);
    }),
    progress: input.progress,
    onRound: input.events.roundStarted,
    onMeasured(arm: ArmResult, measurement) {
      if (!result.arms.includes(arm)) result.arms = inPlannedOrder([...result.arms, arm], plan);
      if (measurement !== null) {
        writeRaw(directory, arm, measurement);
        const { result: one } = measurement;
        input.events.roundFinished(arm, one);
        const p50 = one.latencyMs.p50 === null ? '' : `, p50 ${one.latencyMs.p50.toFixed(1)} ms`;
        input.progress.note(
          `  ${arm.scenario.padEnd(12)} ${arm.name.padEnd(20)} round ${one.round}: ${one.settledPerSecond.toFixed(0)}/s${p50}${one.valid ? '' : ' (does not count)'}`,
        );
      }
      save();
    },
    onTrouble(stage, why) {
      result.notRun.push({ stage, why });
      result.validity.reasons.push(`${stage}: ${why.slice(0, 500)}`);
      input.progress.note(`  ${stage}: ${why}`);
    },
  };
  try {
    for (const [i, scenario] of plan.scenarios.entries()) {
      const windowSeconds = fitWindow(plan, i, (performance.now() - began) / 1_000);
      const described = result.scenarios[i];
      if (described !== undefined) described.windowSeconds = windowSeconds;
      await runScenario(scenario, { ...base, windowSeconds }, signal);
      judge();
      if (!options.keep) await databases.drop(scenario.scenario.name);
    }
    await drill(result, plan, { ...base, windowSeconds: plan.windowSeconds }, signal);
    result.run.state = 'complete';
  } catch (error) {
    result.run.state = signal.aborted ? 'interrupted' : 'failed';
    result.validity.reasons.push(signal.aborted ? 'the run was interrupted' : `the run failed: ${String(error)}`);
    if (!signal.aborted) input.progress.note(String(error));
  } finally {
    conclude(result);
    result.run.finishedAt = new Date().toISOString();
    judge();
    input.events.finished(result);
    if (!options.keep) await databases.dropAll();
    await deleteKeys(services.redisUrl, keyPrefix);
    record.close();
  }
}

/** In a full run only: it needs a quiet minute of its own. */
async function drill(result: Result, plan: Plan, context: ScenarioContext, signal: AbortSignal): Promise<void> {
  const bare = plan.scenarios.find(
    ({ scenario, arms }) => scenario.name === 'bare' && arms.some((arm) => arm.engine === 'orchestration'),
  );
  if (plan.mode !== 'full' || bare === undefined) {
    result.notRun.push({ stage: 'recovery drill', why: 'one is part of --full, with bare and orchestration' });
    return;
  }
  context.progress.now('recovery drill: killing the saga worker under load');
  result.drills.push(await drillRecovery(bare, context, signal));
}
