import { mkdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ConfigError } from '../runtime/environment.ts';
import { type FaroConfig, readFaroConfig } from '../runtime/faro-config.ts';
import { NotOursError } from '../runtime/databases.ts';
import { ServicesError } from '../runtime/services/services.ts';
import { openEvents } from '../runtime/telemetry.ts';
import { findK6, MissingK6 } from './load/k6-binary.ts';
import { chaos } from './chaos/chaos-command.ts';
import { parseCommand, type RunOptions, UsageError } from './options.ts';
import { modes, type Plan, planRun } from './plan.ts';
import { renderReport } from './report/report.ts';
import { prepareOutput, readResult, writeFileWhole } from './result-file.ts';
import type { Result } from './result.ts';
import { runBench, type RunInput } from './run/bench-run.ts';
import { exitCodeOf } from './run/conclude.ts';
import { TooFewConnections } from './run/preflight.ts';
import { createProgress } from './run/progress.ts';
import { createRunEvents } from './run/run-events.ts';
import { resultTable, troubles } from './terminal/result-table.ts';

export interface BenchIo {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly now: () => Date;
  readonly pid: number;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

export type ExitCode = 0 | 1 | 2 | 3 | 4;

/** `npm run bench`: parses, runs, prints. Resolves with the exit code; never rejects for what a person did wrong. */
export async function bench(argv: readonly string[], io: BenchIo): Promise<ExitCode> {
  try {
    const command = parseCommand(argv);
    switch (command.name) {
      case 'help':
        io.stdout.write(command.text);
        return 0;
      case 'chaos':
        return await chaos(argv, command.options, runIdOf(io), io);
      case 'report':
        return rerender(command.file, command.out, io);
      case 'run':
        return await run(argv, command.options, io);
    }
  } catch (error) {
    const code = exitCodeOfError(error);
    if (code === undefined) throw error;
    io.stderr.write(`${(error as Error).message}\n`);
    return code;
  }
}

function runIdOf({ now, pid }: BenchIo): string {
  const time = now()
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '');
  return `${time.replace('T', '-').replace('Z', '')}-${pid}`;
}

function exitCodeOfError(error: unknown): ExitCode | undefined {
  if (error instanceof UsageError || error instanceof NotOursError || error instanceof MissingK6) return 2;
  if (error instanceof ServicesError || error instanceof ConfigError) return error.exitCode;
  return error instanceof TooFewConnections ? 4 : undefined;
}

function rerender(file: string, out: string | null, io: BenchIo): ExitCode {
  const result = readResult(file);
  const directory = out === null ? dirname(resolve(file)) : resolve(out);
  mkdirSync(directory, { recursive: true });
  writeFileWhole(join(directory, 'report.html'), renderReport(result));
  io.stdout.write(`${join(directory, 'report.html')}\n`);
  return 0;
}

async function run(argv: readonly string[], options: RunOptions, io: BenchIo): Promise<ExitCode> {
  const plan = planRun(options);
  if (plan.scenarios.length === 0)
    throw new UsageError('Nothing to run: none of the --engines takes part in the --scenario');
  const k6 = options.load === 'k6' ? findK6(io.env) : null;
  const sink = readFaroConfig(io.env);
  const id = runIdOf(io);
  const directory = resolve(options.out ?? join('bench', 'results', id));
  prepareOutput(directory);
  const text = options.json ? io.stderr : io.stdout;
  text.write(describePlan(plan));
  const command = ['npm run bench', ...(argv.length > 0 ? ['--', ...argv] : [])].join(' ');
  const input = { id, options, plan, command, directory, k6, progress: createProgress(text), env: io.env };
  const result = await runAndTell(input, sink, io.signal);
  writeFileWhole(join(directory, 'report.html'), renderReport(result));
  text.write(`\n${resultTable(result)}\n\n`);
  for (const line of troubles(result)) text.write(`${line}\n`);
  text.write(
    `\n${result.run.state} after ${result.run.seconds.toFixed(0)} s. Report: ${relative(process.cwd(), join(directory, 'report.html'))}\n`,
  );
  if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`);
  return exitCodeOf(result);
}

/** With the events of the run, which have 3 s at its end, a run that was interrupted included. */
async function runAndTell(
  input: Omit<RunInput, 'events'>,
  sink: FaroConfig | undefined,
  signal: AbortSignal,
): Promise<Result> {
  const { id, progress } = input;
  const say = (line: string): void => {
    progress.note(line);
  };
  const events = await openEvents(sink, { app: 'sagashift-bench', session: id, say });
  try {
    return await runBench({ ...input, events: createRunEvents(events, id) }, signal);
  } finally {
    await events.stop();
  }
}

function describePlan(plan: Plan): string {
  const lines = plan.scenarios.map(
    ({ scenario, arms }) => `  ${scenario.name.padEnd(15)} ${arms.map((arm) => arm.name).join(', ')}`,
  );
  const rounds = `${plan.rounds} round${plan.rounds === 1 ? '' : 's'} of ${plan.windowSeconds} s each, arms interleaved`;
  const limit =
    plan.budgetSeconds === null
      ? ''
      : `, at most ${plan.budgetSeconds} s: if it takes longer here, the windows get shorter, down to ${modes[plan.mode].shortestWindowSeconds} s`;
  return `${lines.join('\n')}\n  ${rounds}; about ${Math.ceil(plan.expectedSeconds / 10) * 10} s${limit}\n\n`;
}
