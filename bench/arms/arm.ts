import { connectionsOf, topologies } from './topology.ts';
import type { ArmEngine, Scenario } from '../scenarios.ts';
import { type Child, startChild } from './child-process.ts';

/** An engine in a scenario: its own database, its own keys, its own processes. */
export interface ArmPlan {
  /** Unique within the scenario: the engine, or the engine with `(A/A)`. */
  readonly name: string;
  readonly engine: ArmEngine;
  readonly control: boolean;
}

export interface ArmPlaces {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly dataPlatform: Pick<Child, 'url' | 'pid'>;
  readonly sabotage: string | null;
}

export interface Arm extends ArmPlan {
  readonly databaseUrl: string;
  readonly keyPrefix: string;
  readonly dataPlatform: Pick<Child, 'url' | 'pid'>;
  readonly connections: number;
  readonly children: readonly Child[];
  /** Where payments are sent. */
  readonly urls: readonly string[];
  readonly routers: readonly Child[];
  readonly workers: readonly Child[];
  /** Starts another process in place of a worker that was killed. */
  replaceWorker(signal: AbortSignal): Promise<Child>;
  stop(): Promise<void>;
}

export async function startArm(
  plan: ArmPlan,
  scenario: Scenario,
  places: ArmPlaces,
  onSpawn: (pid: number) => void,
  signal: AbortSignal,
): Promise<Arm> {
  const children: Child[] = [];
  const start = async (index: number): Promise<Child> => {
    const process = topologies[plan.engine][index];
    if (process === undefined) throw new RangeError(`${plan.engine} has no process ${index}`);
    const env = environmentOf(scenario, places, process.connections);
    const child = await startChild({ ...process, name: `${plan.name} ${process.name}`, env }, onSpawn, signal);
    children.push(child);
    return child;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()));
  };
  // Both at once; when one fails the other must not be left behind.
  const started = await Promise.allSettled(topologies[plan.engine].map((_, index) => start(index)));
  const failure = started.find((one) => one.status === 'rejected');
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  const ofKind = (kind: string) =>
    started.flatMap((one, index) =>
      one.status === 'fulfilled' && topologies[plan.engine][index]?.kind === kind ? [one.value] : [],
    );
  return {
    ...plan,
    databaseUrl: places.databaseUrl,
    keyPrefix: places.keyPrefix,
    dataPlatform: places.dataPlatform,
    connections: connectionsOf(plan.engine),
    children,
    routers: ofKind('router'),
    workers: ofKind('worker'),
    urls: ofKind('router').map((child) => child.url),
    replaceWorker: () => start(topologies[plan.engine].findIndex((process) => process.kind === 'worker')),
    stop,
  };
}

/** What an arm's processes are told; names and meaning: `runtime/config.ts`. */
export function environmentOf(scenario: Scenario, places: ArmPlaces, connections: number): Record<string, string> {
  const added = Object.entries(scenario.addedMs).filter(([, ms]) => ms > 0);
  return {
    DATABASE_URL: places.databaseUrl,
    REDIS_URL: places.redisUrl,
    SAGASHIFT_KEY_PREFIX: places.keyPrefix,
    SAGASHIFT_DATA_PLATFORM_URL: places.dataPlatform.url,
    // Of the arm, not of the engine: event ids are the same in every clone, and the data platform knows them by source.
    SAGASHIFT_SOURCE: places.keyPrefix.replaceAll(/[^\w-]/g, '-'),
    SAGASHIFT_DB_CONNECTIONS: String(connections),
    SAGASHIFT_OUTSIDE_TIMEOUT_MS: String(scenario.outsideTimeoutMs),
    SAGASHIFT_LOG_LEVEL: 'error',
    ...(added.length > 0 ? { SAGASHIFT_ADDED_MS: added.map(([step, ms]) => `${step}=${ms}`).join(',') } : {}),
    ...(scenario.percentage === null
      ? {}
      : { SAGASHIFT_SAGA_ENGINE: 'orchestration', SAGASHIFT_LEGACY_ENGINE: 'legacy' }),
    ...(scenario.batching ? {} : { SAGASHIFT_BATCHING: 'off' }),
    ...(places.sabotage === null ? {} : { SAGASHIFT_SABOTAGE: places.sabotage }),
  };
}
