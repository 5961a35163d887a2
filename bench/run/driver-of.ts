import { leastShareOf } from '../kpi.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import type { Driver } from '../load/driver.ts';
import type { K6 } from '../load/k6-binary.ts';
import { k6Driver } from '../load/k6.ts';
import { defaultRatePerSecond } from '../load/loads.ts';
import { openLoopDriver } from '../load/open-loop.ts';
import type { RunOptions } from '../options.ts';

/** What drives the measured rounds. The KPIs that a client can see for itself become k6's thresholds, by the same numbers. */
export function driverOf(
  { load, ratePerSecond }: Pick<RunOptions, 'load' | 'ratePerSecond'>,
  k6: K6 | null,
  onSpawn: (pid: number) => void,
): Driver {
  const rate = ratePerSecond ?? defaultRatePerSecond;
  if (k6 !== null) return k6Driver({ path: k6.path, ratePerSecond: rate, thresholds: k6Thresholds, onSpawn });
  return load === 'open' ? openLoopDriver(rate) : runClosedLoop;
}

/** k6's rates know only what was sent: what was not has a threshold of its own, by the same target. */
export const k6Thresholds = (arrivals: number): Record<string, string[]> => ({
  success: [`rate>=${leastShareOf('success')}`],
  availability: [`rate>=${leastShareOf('availability')}`],
  dropped_iterations: [`count<=${Math.floor(arrivals * (1 - leastShareOf('availability')))}`],
});
