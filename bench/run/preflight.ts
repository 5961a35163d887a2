import { join } from 'node:path';
import { repository } from '../../runtime/repository.ts';
import type { Services } from '../../runtime/services/services.ts';
import { connectionsOf, describeTopology } from '../arms/topology.ts';
import type { Plan, ScenarioPlan } from '../plan.ts';
import { describeCommit } from '../preflight/commit.ts';
import { fdatasyncRate } from '../preflight/fsync-rate.ts';
import { describeMachine, isBusy } from '../preflight/machine.ts';
import { describeServers } from '../preflight/servers.ts';
import { type Result, type ScenarioResult, schemaVersion } from '../result.ts';
import type { RunInput } from './bench-run.ts';

/** The servers take too few connections for what was asked for. */
export class TooFewConnections extends Error {
  override readonly name = 'TooFewConnections';
}

/** Connections of an arm beside those of its engine: the routers' own, the delivery's, the bench's. */
const besideEngines = 14;

/** A result with everything that is known before the first payment. Throws TooFewConnections. */
export async function preflight({ id, options, plan, command, k6 }: RunInput, services: Services): Promise<Result> {
  const machine = describeMachine();
  const { maxConnections, ...servers } = await describeServers(services.databaseUrl, services.redisUrl, services.how);
  const needed = Math.max(
    ...plan.scenarios.map(({ arms }) => arms.reduce((sum, arm) => sum + connectionsOf(arm.engine) + besideEngines, 20)),
  );
  if (maxConnections < needed) {
    throw new TooFewConnections(
      `Postgres takes ${maxConnections} connections, this run needs ${needed}: raise max_connections or name fewer --engines`,
    );
  }
  const where = join(repository, '.cache');
  return {
    schemaVersion,
    run: {
      id,
      mode: plan.mode,
      startedAt: new Date().toISOString(),
      finishedAt: null,
      seconds: 0,
      seed: options.seed,
      command,
      ...describeCommit(),
      timeScale: options.timeScale,
      rounds: plan.rounds,
      sabotage: options.sabotage,
      load: { driver: options.load, version: k6?.version ?? null, ratePerSecond: options.ratePerSecond },
      state: 'running',
    },
    environment: {
      ...machine,
      ...servers,
      fdatasyncPerSecond: fdatasyncRate(where),
      fdatasyncWhere: `the volume of .cache${options.services === 'docker' ? ', which need not be that of the containers' : ''}`,
      topology: [...new Set(plan.scenarios.flatMap(({ arms }) => arms.map((arm) => describeTopology(arm.engine))))],
    },
    scenarios: plan.scenarios.map((one) => describeScenario(one, plan)),
    arms: [],
    comparisons: [],
    kpis: [],
    guard: [],
    drills: [],
    validity: {
      coResident: true,
      noisy: isBusy(machine),
      unsteady: false,
      reasons: isBusy(machine)
        ? [`the machine was busy before the run: load average ${machine.loadAverage.toFixed(1)}`]
        : [],
    },
    notRun: [],
  };
}

const describeScenario = ({ scenario, arms, dataset, ordersPerRound }: ScenarioPlan, plan: Plan): ScenarioResult => ({
  name: scenario.name,
  sentence: scenario.sentence,
  arms: arms.map((arm) => arm.name),
  clients: scenario.clients,
  skew:
    scenario.skew.kind === 'uniform'
      ? 'uniform'
      : scenario.skew.kind === 'zipf'
        ? `Zipf, theta ${scenario.skew.theta}`
        : `one product in ${scenario.skew.share * 100} % of orders`,
  users: scenario.users,
  products: scenario.products,
  orders: dataset.orders,
  ordersPerRound,
  addedMs: { ...scenario.addedMs },
  outsideMs: scenario.outsideMs,
  outsideTimeoutMs: scenario.outsideTimeoutMs,
  outsideFailureRate: scenario.outsideFailureRate,
  failures: { ...scenario.failures },
  batching: scenario.batching,
  percentage: scenario.percentage,
  redlockRetryMs: '10 +- 10',
  connectionsPerArm: Math.max(...arms.map((arm) => connectionsOf(arm.engine))),
  windowSeconds: plan.windowSeconds,
  leadInSeconds: plan.leadInSeconds,
});
