import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { repository } from '../../runtime/repository.ts';

export interface ChildPlan {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Hears each line that it writes, to either stream. */
  readonly onLine?: (line: string) => void;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  /** How it ended, if it did before it was told to. */
  readonly died: () => string | undefined;
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL when that is not enough. */
  stop(): Promise<void>;
}

/** A process of ours did not come up, or went away. */
export class ChildError extends Error {
  override readonly name = 'ChildError';
}

const readyLimitMs = 30_000;
const stopLimitMs = 12_000;
const linesKept = 30;

/** Starts one of our programs and waits for the line by which it says where it listens. */
export async function startChild(plan: ChildPlan, onSpawn: (pid: number) => void, signal: AbortSignal): Promise<Child> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, ['--import', 'tsx', plan.script, ...plan.args], {
    cwd: repository,
    env: { ...inherited(), ...plan.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
    child.once('error', () => {
      resolve();
    });
  });
  if (child.pid !== undefined) onSpawn(child.pid);
  const lastLines = keepLines(child, plan.onLine);
  let wanted = true;
  const end = async (first: NodeJS.Signals): Promise<void> => {
    wanted = false;
    await endChild(child, ended, first);
  };
  try {
    const url = await ready(child, ended, signal);
    return {
      name: plan.name,
      pid: child.pid as number,
      url,
      died: () =>
        wanted && hasEnded(child)
          ? `${plan.name} ended (${child.signalCode ?? `exit ${child.exitCode}`}): ${lastLines()}`
          : undefined,
      kill: () => end('SIGKILL'),
      stop: () => end('SIGTERM'),
    };
  } catch (cause) {
    await end('SIGKILL');
    if (signal.aborted) throw cause;
    throw new ChildError(`${plan.name} did not start: ${(cause as Error).message}\n${lastLines()}`, { cause });
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** A bench may itself run with settings of an application; those must not leak into the arms. */
const inherited = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(SAGASHIFT_|PAYMENT_|DATABASE_URL|REDIS_URL|NODE_OPTIONS)/.test(entry[0]),
    ),
  );

/** Both streams, as the last lines: what a person needs when it fails. */
function keepLines(child: ChildProcess, onLine: (line: string) => void = () => undefined): () => string {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      onLine(line);
      if (lines.length > linesKept) lines.shift();
    });
  }
  return () => lines.join('\n');
}

function ready(child: ChildProcess, ended: Promise<void>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`not ready after ${readyLimitMs / 1_000} s`));
    }, readyLimitMs);
    const stop = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
    void ended.then(() => {
      reject(new Error(`it ended with ${child.signalCode ?? `exit code ${child.exitCode}`}`));
    });
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = readyUrl(line);
      if (url === undefined) return;
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(url);
    });
    void ended.then(() => {
      clearTimeout(timer);
    });
  });
}

function readyUrl(line: string): string | undefined {
  if (!line.startsWith('{"ready":true')) return undefined;
  const { url } = JSON.parse(line) as { url?: unknown };
  return typeof url === 'string' ? url : undefined;
}

async function endChild(child: ChildProcess, ended: Promise<void>, first: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  child.kill(first);
  const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
  await ended;
  clearTimeout(timer);
}
