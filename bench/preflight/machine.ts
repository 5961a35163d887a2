import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import type { Environment } from '../result.ts';

export type Machine = Pick<
  Environment,
  'cpu' | 'cores' | 'memoryMb' | 'kernel' | 'node' | 'loadAverage' | 'cpuPressure'
>;

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    kernel: `${type()} ${release()}`,
    node: process.version,
    loadAverage: loadavg()[0] ?? 0,
    cpuPressure: cpuPressure(),
  };
}

/** Pressure stall information: percent of the last 10 s in which some process waited for a CPU. Null where the kernel has none. */
function cpuPressure(): number | null {
  try {
    const match = /some avg10=([\d.]+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'));
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}

/** A machine that is busy before the run starts will be busy in it. */
export const isBusy = ({ loadAverage, cores, cpuPressure: pressure }: Machine): boolean =>
  loadAverage > cores * 0.5 || (pressure ?? 0) > 10;
