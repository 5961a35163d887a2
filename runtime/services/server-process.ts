import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import type { RunAs } from './unprivileged.ts';

export interface ServerLaunch {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** What the server says is appended to it. */
  readonly log: string;
  /** Default: ours. */
  readonly env?: NodeJS.ProcessEnv;
  /** Default: whoever we are. */
  readonly runAs?: RunAs;
  /** Its whole standard input; default none. */
  readonly input?: string;
}

/**
 * A server that does not keep us from ending. It has a session of its own: Ctrl-C must reach the applications first, while there is
 * a server to finish their work with. One that cannot be started has no pid.
 */
export function launchServer({ file, args, cwd, log, env, runAs, input }: ServerLaunch): ChildProcess {
  const out = openSync(log, 'a');
  try {
    const child = spawn(file, args, {
      ...runAs,
      cwd,
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', out, out],
      ...(env === undefined ? {} : { env }),
    });
    child.on('error', () => undefined); // Shows as an exit.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    child.unref();
    return child;
  } finally {
    closeSync(out);
  }
}

/** What a server said last, for a person who asks why it did not start. */
export const tail = (log: string): string =>
  existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-8).join('\n') : '(no log)';
