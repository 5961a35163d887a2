import type { Arm } from '../arms/arm.ts';
import { type Metrics, scrape } from '../measure/metrics.ts';
import { cpuMicrosOf } from '../measure/process-stat.ts';
import { receivedOrders } from '../measure/received-events.ts';
import type { ServerCounters, ServerMeter } from '../measure/servers.ts';

/** Everything that counts up, read at one moment. */
export interface Reading {
  readonly metrics: Metrics;
  readonly servers: ServerCounters;
  readonly routerMicros: number;
  readonly workerMicros: number;
  readonly dataPlatformMicros: number;
  readonly received: number;
  /** Monotonic clock, in ms. */
  readonly at: number;
}

export async function readAll(arm: Arm, meter: ServerMeter, signal: AbortSignal): Promise<Reading> {
  const metrics = await scrape(
    arm.children.filter((child) => child.died() === undefined).map((child) => child.url),
    signal,
  );
  const received = await receivedOrders(arm.dataPlatform.url, signal);
  return {
    metrics,
    received,
    at: performance.now(),
    servers: await meter.read(),
    routerMicros: sum(arm.routers.map((child) => cpuMicrosOf(child.pid))),
    workerMicros: sum(arm.workers.map((child) => cpuMicrosOf(child.pid))),
    dataPlatformMicros: cpuMicrosOf(arm.dataPlatform.pid),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
