import { join, relative, resolve } from 'node:path';
import type { BenchIo } from '../command.ts';
import { prepareOutput } from '../result-file.ts';
import { createProgress } from '../run/progress.ts';
import { exitCodeOfChaos } from './chaos-result.ts';
import { type ChaosOptions, planChaos } from './chaos-plan.ts';
import { runChaos } from './chaos-run.ts';
import { chaosNotes, chaosTable, goalTable } from './chaos-table.ts';

/** `npm run bench -- chaos`: injects, prints, and resolves with the exit code. */
export async function chaos(
  argv: readonly string[],
  options: ChaosOptions,
  id: string,
  io: BenchIo,
): Promise<0 | 1 | 3> {
  const directory = resolve(options.out ?? join('bench', 'results', id));
  prepareOutput(directory);
  const text = options.json ? io.stderr : io.stdout;
  text.write(describePlan(options));
  const command = replayOf(argv, options);
  const result = await runChaos(
    { id, options, command, directory, progress: createProgress(text), env: io.env },
    io.signal,
  );
  if (result.planned > 0) text.write(`\n${chaosTable(result)}\n`);
  text.write(`\n${goalTable(result)}\n\n`);
  for (const line of chaosNotes(result)) text.write(`${line}\n`);
  text.write(
    `\n${result.run.state} after ${result.run.seconds.toFixed(0)} s. Report: ${relative(process.cwd(), join(directory, 'report.html'))}\n`,
  );
  if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`);
  return exitCodeOfChaos(result);
}

function describePlan(options: ChaosOptions): string {
  const lines = [...planChaos(options)].map(
    ([style, list]) => `  ${style.padEnd(14)} ${list.map(({ name }) => name).join(', ') || 'none'}`,
  );
  const figures = `  figures        ${options.figures.join(', ') || 'none'}`;
  return `${[...lines, figures].join('\n')}\n  ${options.ratePerSecond} payments/s, seed ${options.seed}\n\n`;
}

/** As it was asked for, with the seed in it. */
const replayOf = (argv: readonly string[], { seed }: ChaosOptions): string =>
  [
    'npm run bench --',
    ...argv,
    ...(argv.some((word) => word.startsWith('--seed')) ? [] : ['--seed', String(seed)]),
  ].join(' ');
