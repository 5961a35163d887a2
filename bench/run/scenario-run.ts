import { gapSentence } from '../../consistency/gaps.ts';
import { type VerificationReport, verify } from '../../consistency/verifier.ts';
import type { Services } from '../../runtime/services/services.ts';
import { enginesOf } from '../arms/topology.ts';
import type { RunDatabases } from '../databases.ts';
import { planOrders } from '../dataset/plan.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { requestTimeoutMs } from '../load/loads.ts';
import type { Driver } from '../load/driver.ts';
import { openServerMeter, type ServerMeter } from '../measure/servers.ts';
import { orderOfArms, type Plan, type ScenarioPlan } from '../plan.ts';
import type { ArmResult } from '../result.ts';
import type { RunRecord, Servers } from '../run-record.ts';
import type { Progress } from './progress.ts';
import { type Measurement, runRound } from './round.ts';
import { keep, prepareArm, type RunningArm, startPlatforms } from './running-arm.ts';

/** What a scenario needs of the run it is part of. */
export interface ScenarioContext {
  readonly plan: Plan;
  readonly windowSeconds: number;
  readonly servers: Servers & Pick<Services, 'pids'>;
  readonly keyPrefix: string;
  readonly databases: RunDatabases;
  readonly record: RunRecord;
  readonly sabotage: string | null;
  /** Of the measured rounds. */
  readonly drive: Driver;
  readonly progress: Progress;
  /** Before every round. */
  onRound(scenario: string, arm: string, round: number): void;
  /** After every round and verification: what is measured is kept, whatever happens next. */
  onMeasured(arm: ArmResult, measurement: Measurement | null): void;
  onTrouble(stage: string, why: string): void;
}

/** Sets a scenario up, measures its arms in turn, verifies each, and takes everything down again. */
export async function runScenario(
  scenario: ScenarioPlan,
  context: ScenarioContext,
  signal: AbortSignal,
): Promise<void> {
  const { progress, databases } = context;
  const name = scenario.scenario.name;
  const stops: (() => Promise<unknown>)[] = [];
  try {
    progress.now(`${name}: loading ${scenario.dataset.orders} orders`);
    const [template, platforms] = await both(
      databases.template(name, scenario.dataset, signal),
      startPlatforms(scenario, context, stops, signal),
    );
    progress.now(`${name}: starting ${scenario.arms.map((arm) => arm.name).join(', ')}`);
    const arms = await all(
      scenario.arms.map((plan) => prepareArm(plan, scenario, template, platforms, context, stops, signal)),
    );
    const meter = await openServerMeter(
      arms[0]?.arm.databaseUrl ?? context.servers.databaseUrl,
      context.servers.redisUrl,
      context.servers.pids,
    );
    stops.push(() => meter.close());
    for (const running of arms) await warmUp(running, scenario, context.plan.warmUpSeconds, signal);
    for (let round = 1; round <= context.plan.rounds; round++)
      await runBlock(round, arms, scenario, meter, context, signal);
    for (const running of arms) await verifyArm(running, scenario, context, signal);
  } finally {
    await Promise.allSettled(stops.reverse().map((stop) => stop()));
  }
}

/** Like Promise.all, but when one fails the others are waited for: what they started must be known to whoever stops it. */
async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

async function warmUp(
  { arm }: RunningArm,
  { dataset, warmUpOrders, warmUpClients }: ScenarioPlan,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const orders = [...planOrders(dataset, 1, warmUpOrders)];
  const load = { urls: arm.urls, clients: warmUpClients, orders, leadInMs: 0, windowMs: seconds * 1_000 };
  await runClosedLoop({ ...load, requestTimeoutMs }, signal);
}

async function runBlock(
  round: number,
  arms: readonly RunningArm[],
  scenario: ScenarioPlan,
  meter: ServerMeter,
  context: ScenarioContext,
  signal: AbortSignal,
): Promise<void> {
  const from = scenario.warmUpOrders + (round - 1) * scenario.ordersPerRound + 1;
  const orders = [...planOrders(scenario.dataset, from, from + scenario.ordersPerRound - 1)];
  for (const [i, { name }] of orderOfArms(scenario, round, context.plan.seed).entries()) {
    const running = arms.find((one) => one.result.name === name);
    if (running === undefined || running.broken) continue;
    const { clients } = scenario.scenario;
    context.progress.now(`${scenario.scenario.name}: round ${round} of ${context.plan.rounds}, ${name}`);
    context.onRound(scenario.scenario.name, name, round);
    try {
      const plan = {
        arm: running.arm,
        round,
        position: i + 1,
        clients,
        orders,
        leadInMs: context.plan.leadInSeconds * 1_000,
        windowMs: context.windowSeconds * 1_000,
        drive: context.drive,
        seed: context.plan.seed,
      };
      const measurement = await runRound(plan, running.pool, meter, signal);
      keep(running, measurement);
      context.onMeasured(running.result, measurement);
      for (const reason of measurement.result.reasons)
        context.onTrouble(`${scenario.scenario.name}, ${name}, round ${round}`, reason);
    } catch (error) {
      signal.throwIfAborted();
      running.broken = true;
      const deaths = running.arm.children.flatMap((child) => child.died() ?? []);
      context.onTrouble(
        `${scenario.scenario.name}, ${name}, round ${round} and later`,
        [String(error), ...deaths].join('; '),
      );
    }
  }
}

async function verifyArm(
  { arm, result, broken }: RunningArm,
  { scenario }: ScenarioPlan,
  context: ScenarioContext,
  signal: AbortSignal,
): Promise<void> {
  if (broken || result.rounds.length === 0) return;
  context.progress.now(`${scenario.name}: verifying ${arm.name}`);
  const report = await verify(arm.databaseUrl, { mode: 'drained', expectEngines: enginesOf(arm.engine), signal });
  const doubts = doubtsOf(report);
  result.verified = doubts.length === 0;
  result.ordersVerified = report.score.examined;
  result.violations = report.violations;
  result.invariants = report.perInvariant.map(({ code, sentence, examined, violations, sample }) => ({
    code,
    title: sentence,
    examined,
    violations,
    sample: [...sample],
  }));
  for (const doubt of doubts) context.onTrouble(`${scenario.name}, ${arm.name}, verification`, doubt);
  context.onMeasured(result, null);
}

/** Why a pass without a violation would prove nothing of this arm. */
const doubtsOf = ({ unexamined, gaps = [], doubts = [] }: VerificationReport): string[] => [
  ...unexamined.map((engine) => `no order of ${engine} was examined`),
  ...gaps.map(gapSentence),
  ...doubts,
];
