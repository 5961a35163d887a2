import { readdirSync, readFileSync } from 'node:fs';

/** Of /proc/PID/stat: CPU in ticks of 10 ms (USER_HZ is 100 on Linux), with that of children that have ended. */
interface ProcessStat {
  readonly name: string;
  readonly parent: number;
  readonly ticks: number;
  readonly ticksOfEnded: number;
}

const microsPerTick = 10_000;

function stat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // ended, or not Linux
  }
  const close = text.lastIndexOf(')'); // a command's name may hold brackets
  const fields = text
    .slice(close + 2)
    .split(' ')
    .map(Number);
  const at = (field: number) => fields[field - 3] ?? 0; // numbered as in proc(5)
  return {
    name: text.slice(text.indexOf('(') + 1, close),
    parent: at(4),
    ticks: at(14) + at(15),
    ticksOfEnded: at(16) + at(17),
  };
}

/** CPU of one process so far, in microseconds; 0 when it can't be seen. */
export const cpuMicrosOf = (pid: number): number => (stat(pid)?.ticks ?? 0) * microsPerTick;

/** CPU of children that have ended, in microseconds. */
export const cpuMicrosOfEnded = (pid: number): number => (stat(pid)?.ticksOfEnded ?? 0) * microsPerTick;

/** CPU of a process and its children: a server like Postgres, whose backends are children and go into its own sum when they end. */
export function cpuMicrosOfFamily(parent: number): number {
  const own = stat(parent);
  if (own === undefined) return 0;
  let ticks = own.ticks + own.ticksOfEnded;
  for (const entry of readdirSync('/proc')) {
    const child = /^\d+$/.test(entry) ? stat(Number(entry)) : undefined;
    if (child?.parent === parent) ticks += child.ticks;
  }
  return ticks * microsPerTick;
}

/** CPU of everything on the machine so far, in microseconds. */
export function cpuMicrosOfMachine(): number {
  try {
    const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
      readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
    )
      .split(/\s+/)
      .map(Number);
    return (user + nice + system + irq + softirq) * microsPerTick;
  } catch {
    return 0;
  }
}

/** The pid if it is visible from here and of that name, else null: a server may run on another machine or in a container. */
export const visible = (pid: number, name: RegExp): number | null => (name.test(stat(pid)?.name ?? '') ? pid : null);

export const parentOf = (pid: number): number => stat(pid)?.parent ?? 0;

/** Largest resident memory so far, in MiB. */
export function peakMemoryMb(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;
  } catch {
    return 0;
  }
}
