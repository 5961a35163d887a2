import { openPool, type Pool } from '../../runtime/database.ts';
import type { FaultPoint } from '../../runtime/injected-fault.ts';
import { metAt } from '../../runtime/fault-points.ts';
import { environmentOf, type ArmPlaces } from '../arms/arm.ts';
import { type Child, startChild } from '../arms/child-process.ts';
import { topologies } from '../arms/topology.ts';
import { addedToBoundaries, type Scenario } from '../scenarios.ts';

export type Style = 'orchestration' | 'choreography';
export type ProcessKind = 'router' | 'worker';

/** One style on its own database, with processes that may be killed, paused and replaced while payments come. */
export interface Stack {
  readonly style: Style;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly pool: Pool;
  /** Of the router that lives; the driver reads it for every request. */
  readonly urls: string[];
  process(kind: ProcessKind): Child;
  /** When the process in place met its fault, by this machine's clock; undefined: it has not. */
  metAt(kind: ProcessKind): number | undefined;
  /** Starts another process and puts it in place; what was there before is stopped, if it lives. */
  replace(kind: ProcessKind, how: Start, signal: AbortSignal): Promise<void>;
  /** Starts another worker and puts it in place; the one before stays, and is returned. */
  addWorker(signal: AbortSignal): Promise<Child>;
  /** How processes ended that nobody ended. */
  deaths(): string[];
  stop(): Promise<void>;
}

/** How a process is started; by default as every other of its kind. */
export interface Start {
  /** It meets this fault when so many payments have come to the point. */
  readonly fault?: { readonly point: FaultPoint; readonly nth: number };
  /** Each of its boundaries takes so long at least. */
  readonly boundaryMs?: number;
}

interface Placed {
  readonly child: Child;
  metAt: number | undefined;
}

export async function startStack(
  style: Style,
  scenario: Scenario,
  places: ArmPlaces,
  onSpawn: (pid: number) => void,
  signal: AbortSignal,
): Promise<Stack> {
  const children: Child[] = [];
  const place = new Map<ProcessKind, Placed>();
  const urls: string[] = [];
  const pool = openPool({ url: places.databaseUrl, size: 2, applicationName: 'sagashift-bench' });

  const start = async (kind: ProcessKind, { fault, boundaryMs }: Start): Promise<void> => {
    const plan = topologies[style].find((process) => process.kind === kind);
    if (plan === undefined) throw new RangeError(`${style} has no ${kind}`);
    const timed = boundaryMs === undefined ? scenario : { ...scenario, addedMs: addedToBoundaries(boundaryMs) };
    const env = environmentOf(timed, places, plan.connections);
    const armed = fault === undefined ? {} : { SAGASHIFT_FAULT: `${fault.point}:${fault.nth}` };
    const here: Omit<Placed, 'child'> = { metAt: undefined };
    const onLine = (line: string): void => {
      if (fault !== undefined) here.metAt ??= metAt(line, fault.point);
    };
    const child = await startChild(
      { ...plan, name: `${style} ${plan.name}`, env: { ...env, ...armed }, onLine },
      onSpawn,
      signal,
    );
    children.push(child);
    place.set(kind, Object.assign(here, { child }));
    if (kind === 'router') urls[0] = child.url;
  };
  const there = (kind: ProcessKind): Placed => {
    const placed = place.get(kind);
    if (placed === undefined) throw new RangeError(`no ${kind} was started`);
    return placed;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()));
    await pool.close();
  };
  const started = await Promise.allSettled([start('router', {}), start('worker', {})]);
  const failure = started.find((one) => one.status === 'rejected');
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  return {
    style,
    databaseUrl: places.databaseUrl,
    redisUrl: places.redisUrl,
    pool,
    urls,
    process: (kind) => there(kind).child,
    metAt: (kind) => there(kind).metAt,
    async replace(kind, how) {
      const before = there(kind).child;
      await start(kind, how);
      await before.stop();
    },
    async addWorker() {
      const before = there('worker').child;
      await start('worker', {});
      return before;
    },
    deaths: () => children.flatMap((child) => child.died() ?? []),
    stop,
  };
}
