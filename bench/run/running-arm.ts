import { build, type Histogram } from 'hdr-histogram-js';
import { openPool, type Pool } from '../../runtime/database.ts';
import { type Arm, type ArmPlan, startArm } from '../arms/arm.ts';
import { type Child, startChild } from '../arms/child-process.ts';
import { topologies } from '../arms/topology.ts';
import { setRollout } from '../databases.ts';
import type { ScenarioPlan } from '../plan.ts';
import type { ArmResult } from '../result.ts';
import { latencyCurve, summarise } from '../statistics/percentiles.ts';
import type { Measurement } from './round.ts';
import type { ScenarioContext } from './scenario-run.ts';

/** An arm that is up, and what has been measured of it. */
export interface RunningArm {
  readonly arm: Arm;
  readonly pool: Pool;
  readonly result: ArmResult;
  readonly histogram: Histogram;
  /** Arrivals in the windows of the rounds that count that were never sent. */
  unserved: number;
  broken: boolean;
}

/** One for all arms, and one more for a second copy: its orders have the same ids as the first one's. */
export async function startPlatforms(
  { scenario, arms }: ScenarioPlan,
  { record, plan }: ScenarioContext,
  stops: (() => Promise<unknown>)[],
  signal: AbortSignal,
): Promise<{ readonly first: Child; readonly copy: Child }> {
  const start = async (): Promise<Child> => {
    const args = [
      'dataplatform',
      '--latency-ms',
      String(scenario.outsideMs),
      '--failure-rate',
      String(scenario.outsideFailureRate),
      '--seed',
      String(plan.seed),
    ];
    const child = await startChild({ name: 'data platform', script: 'scripts/service.ts', args, env: {} }, (pid) => {
      record.addProcess(pid);
    }, signal); // prettier-ignore
    stops.push(() => child.stop());
    return child;
  };
  const first = await start();
  return { first, copy: arms.some((arm) => arm.control) ? await start() : first };
}

/** Clones its database, starts its processes, opens what measures it. What was started goes onto `stops`. */
export async function prepareArm(
  plan: ArmPlan,
  { scenario }: ScenarioPlan,
  template: string,
  platforms: { readonly first: Child; readonly copy: Child },
  { databases, servers, keyPrefix, sabotage, record }: ScenarioContext,
  stops: (() => Promise<unknown>)[],
  signal: AbortSignal,
): Promise<RunningArm> {
  const databaseUrl = await databases.clone(template, plan.name);
  if (scenario.percentage !== null) await setRollout(databaseUrl, scenario.percentage);
  const arm = await startArm(
    plan,
    scenario,
    {
      databaseUrl,
      redisUrl: servers.redisUrl,
      keyPrefix: `${keyPrefix}:${scenario.name}:${plan.name.replaceAll(/[^a-z-]/gi, '')}${plan.control ? ':copy' : ''}`,
      dataPlatform: plan.control ? platforms.copy : platforms.first,
      sabotage,
    },
    (pid) => {
      record.addProcess(pid);
    },
    signal,
  );
  stops.push(() => arm.stop());
  const pool = openPool({ url: databaseUrl, size: 2, applicationName: 'sagashift-bench' });
  stops.push(() => pool.close());
  return {
    arm,
    pool,
    broken: false,
    unserved: 0,
    histogram: emptyHistogram(),
    result: emptyResult(plan, scenario.name, arm),
  };
}

const emptyHistogram = (): Histogram =>
  build({ bitBucketSize: 32, highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 });

const emptyResult = (plan: ArmPlan, scenario: string, arm: Arm): ArmResult => ({
  ...plan,
  scenario,
  processes: topologies[plan.engine].map(({ name, connections }) => ({ name, connections })),
  connections: arm.connections,
  latencyMs: summarise(emptyHistogram()),
  latencyCurve: [],
  invariants: [],
  verified: false,
  ordersVerified: 0,
  violations: 0,
  rounds: [],
});

/** Histograms are merged, never averaged; a round that does not count leaves no trace in them. */
export function keep(running: RunningArm, measurement: Measurement): void {
  const { result, histogram } = running;
  result.rounds.push(measurement.result);
  if (!measurement.result.valid) return;
  histogram.add(measurement.histogram);
  running.unserved += measurement.unservedInWindow;
  result.latencyMs = summarise(histogram, running.unserved);
  result.latencyCurve = latencyCurve(histogram, running.unserved);
}
