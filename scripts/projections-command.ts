import { Command, CommanderError } from 'commander';
import { rebuildUserPayments, userPaymentsPositions } from '../eventdriven/index.ts';
import { asFailure, CommandFailure, exitCodes } from '../router/canary/failures.ts';
import { openPool, type Pool } from '../runtime/database.ts';

/** What the command is given: nothing of the process is touched, so that a test can run it in process. */
export interface ProjectionsIo {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => unknown;
  readonly err: (text: string) => unknown;
  readonly signal: AbortSignal;
}

/** Resolves with the exit code: 0 ok, 1 failed, 2 usage, 4 unreachable. */
export async function runProjections(argv: readonly string[], io: ProjectionsIo): Promise<number> {
  try {
    await projections(io).parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    // commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const { message, exitCode } = asFailure(error);
    io.err(`${message}\n`);
    return exitCode;
  }
}

function projections(io: ProjectionsIo): Command {
  const program = new Command('projections')
    .description('The payments of each user, projected from events and payments: how fresh they are, or all anew')
    .option('--json', 'print one JSON document')
    .configureOutput({ writeOut: (text) => void io.out(text), writeErr: (text) => void io.err(text) })
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)');
  const print = (value: object, text: string): void => {
    io.out(program.opts<{ json?: boolean }>().json === true ? `${JSON.stringify(value, null, 2)}\n` : text);
  };

  program
    .command('status')
    .description('how far each stream has been read')
    .action(() =>
      withPool(io.env, async (pool) => {
        const userPayments = await userPaymentsPositions(pool);
        const lines = ['events', 'payments'].map((stream) => {
          const { asOf, ageSeconds } = userPayments.find((row) => row.stream === stream) ?? {};
          const how = asOf ? `up to ${asOf.toISOString()}, ${(ageSeconds ?? 0).toFixed(1)} s ago` : 'not read yet';
          return `${stream.padEnd(10)}${how}\n`;
        });
        print({ userPayments }, lines.join(''));
      }),
    );
  program
    .command('rebuild')
    .description('reads everything again from the first event; until it is done readers see what was there')
    .action(() =>
      withPool(io.env, async (pool) => {
        const rowsRead = await rebuildUserPayments(pool, io.signal);
        print({ rowsRead }, `read ${rowsRead} events and payments again\n`);
      }),
    );
  return program;
}

async function withPool(env: NodeJS.ProcessEnv, work: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = openPool({
    url: databaseUrl(env),
    size: 1,
    pinnedPlans: true,
    applicationName: 'sagashift-projections',
  });
  try {
    await work(pool);
  } finally {
    await pool.close();
  }
}

function databaseUrl({ DATABASE_URL: url }: NodeJS.ProcessEnv): string {
  if (url !== undefined && URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return url;
  const wrong = url === undefined || url === '' ? 'is not set' : 'is not a URL of a Postgres database';
  throw new CommandFailure(exitCodes.usage, `DATABASE_URL ${wrong}: give the database whose projections are meant`);
}
