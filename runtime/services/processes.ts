import { type ChildProcess, spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process for good: a pid alone may have been given to somebody else meanwhile. */
export interface ProcessId {
  readonly pid: number;
  readonly startedAt: string;
}

export function identify(pid: number): ProcessId | undefined {
  const startedAt = startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export const isAlive = ({ pid, startedAt }: ProcessId): boolean => startOf(pid) === startedAt;

function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      // Fields are counted behind the last bracket: a command's name may hold anything. State is the third, start the 22nd.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** The machine and the pid namespace that pids are meant in. Two containers may share a directory and not see each other. */
export function pidScope(): string {
  if (process.platform !== 'linux') return hostname();
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
}

/** Signals and waits; SIGKILL when it is still there after `limitMs`. Does nothing to a process that is not the same any more. */
export async function endProcess(process: ProcessId, signal: NodeJS.Signals, limitMs = 5_000): Promise<void> {
  for (const [how, ms] of [
    [signal, limitMs],
    ['SIGKILL', 2_000],
  ] as const) {
    if (!send(process, how)) return;
    const until = performance.now() + ms;
    while (performance.now() < until) {
      if (!isAlive(process)) return;
      await sleep(10);
    }
  }
}

function send(target: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch {
    return false; // Ended between the two lines, or somebody else's: not ours to end.
  }
}

export const hasExited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** It may be taken again before it is used: whoever starts a server on it checks whom it talks to, and tries another. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
