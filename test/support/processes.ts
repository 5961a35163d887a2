import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Child {
  /** What it printed when it was ready. */
  readonly ready: { readonly url?: string; readonly pid: number };
  alive(): boolean;
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** SIGTERM if it still lives. */
  stop(): Promise<void>;
}

/** Starts an entry point of ours as a process of its own and waits for its ready line. Rejects with what it printed instead. */
export async function startChild(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Child> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', SAGASHIFT_LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return {
    ready: await readyLine(child, script),
    alive: () => child.exitCode === null && child.signalCode === null,
    kill,
    stop: () => kill('SIGTERM'),
  };
}

async function readyLine(child: ChildProcess, script: string): Promise<Child['ready']> {
  let printed = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(-4_000);
  });
  if (child.stdout === null) throw new Error('no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue;
    const json = JSON.parse(line) as { ready?: boolean; pid: number };
    if (json.ready) return json;
  }
  throw new Error(`${script} ended before it was ready: ${printed}`);
}
