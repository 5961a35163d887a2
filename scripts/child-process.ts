import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Stoppable } from '../runtime/lifecycle.ts';

/** A process of ours that said it is ready. It does not outlive this one. */
export interface Child extends Stoppable {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Resolves with how it ended, whoever ended it. */
  readonly exited: Promise<string>;
}

const repository = resolve(import.meta.dirname, '..');
const startLimitMs = 30_000;
/** It gives itself 10 s. */
const stopLimitMs = 11_000;

/** Starts `node args`, TypeScript allowed, and waits for its ready line. Rejects when it ends before, or takes longer than 30 s. */
export async function startChild(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Child> {
  const preload = resolve(import.meta.dirname, 'die-with-parent.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', '--import', preload, ...args], {
    cwd: repository,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `code ${code}` : `signal ${signal}`);
    });
  });
  const url = await Promise.race([
    readyUrl(child),
    exited.then((how) => Promise.reject(new Error(`${name} ended (${how}) before it was ready`))),
  ]).catch(async (error: unknown) => {
    child.kill('SIGKILL');
    await exited;
    throw error;
  });
  let stopping: Promise<void> | undefined;
  return { name, url, pid: child.pid as number, exited, stop: () => (stopping ??= end(child, exited)) };
}

async function readyUrl(child: ChildProcess & { stdout: NonNullable<ChildProcess['stdout']> }): Promise<string> {
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(startLimitMs) })) as [string];
  return (JSON.parse(line) as { url: string }).url;
}

async function end(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
  await exited;
  clearTimeout(timer);
}
