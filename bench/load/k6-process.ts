import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const script = join(import.meta.dirname, '..', 'k6', 'payments.ts');

/** It ran to its end and a threshold was not met: a result, not a fault. */
const thresholdsFailed = 99;
const charactersKept = 2_000;

/**
 * Runs k6 to its end. Resolves with how it died, or undefined when it ended as it should; rejects only when told to stop,
 * after k6 is gone. Nothing of the user's own k6 settings, and no report of use to anybody, goes with it.
 */
export async function runK6Process(
  path: string,
  directory: string,
  limitMs: number,
  onSpawn: (pid: number) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  const child = spawn(path, argumentsOf(directory), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { HOME: directory, K6_AUTO_EXTENSION_RESOLUTION: 'false' },
  });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  const timer = setTimeout(kill, limitMs);
  signal.addEventListener('abort', kill, { once: true });
  const ended = endOf(child, limitMs);
  try {
    if (child.pid !== undefined) onSpawn(child.pid);
    const died = await ended;
    signal.throwIfAborted();
    return died;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
}

const argumentsOf = (directory: string): string[] => [
  'run',
  '--quiet',
  '--no-color',
  '--no-usage-report',
  ...['--address', ''], // no control port: a second run on the machine would find it taken
  ...['--config', join(directory, 'config.json')],
  ...['--log-format', 'raw'],
  ...['--console-output', join(directory, 'log.jsonl')],
  ...['--env', `PLAN=${join(directory, 'plan.json')}`],
  ...['--env', `ORDERS=${join(directory, 'orders.json')}`],
  ...['--env', `SUMMARY=${join(directory, 'summary.json')}`],
  script,
];

function endOf(child: ChildProcess, limitMs: number): Promise<string | undefined> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-charactersKept)));
  const began = performance.now();
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(`k6 did not start: ${error.message}`);
    });
    child.once('close', (code, killedBy) => {
      const how = killedBy ?? `exit ${code}`;
      const late = performance.now() - began >= limitMs ? ` after its limit of ${Math.round(limitMs / 1_000)} s` : '';
      const well = code === 0 || code === thresholdsFailed;
      resolve(well ? undefined : `k6 ended before its time (${how}${late}) ${said.trim()}`.trim());
    });
  });
}
