import type { Command } from 'commander';
import { rebuildUserPayments, RebuildUnderWay, userPaymentsPositions } from '../eventdriven/index.ts';
import { asFailure, CommandFailure, exitCodes } from '../runtime/command-failure.ts';
import type { Pool } from '../runtime/database.ts';
import { type CommandIo, operatorCommand, runCommand, withDatabase } from '../runtime/operator-command.ts';

export interface ProjectionsIo extends CommandIo {
  readonly signal: AbortSignal;
}

const helpText = `
Wants DATABASE_URL (\`npm start\` prints its own). It is \`npm run service -- projector\` that keeps the lists up to date.
Exit codes: 0 done, 1 failed or interrupted (the lists are as they were), 2 usage, 3 somebody else is rebuilding,
4 the database cannot be reached. See docs/event-sourcing.md.`;

/** Resolves with the exit code: 0 ok, 1 failed or interrupted, 2 usage, 3 conflict: another rebuild, 4 unreachable. */
export const runProjections = (argv: readonly string[], io: ProjectionsIo): Promise<number> =>
  runCommand(() => projections(io), argv, io, failureOf);

const failureOf = (error: unknown): CommandFailure =>
  error instanceof RebuildUnderWay ? new CommandFailure(exitCodes.conflict, error.message) : asFailure(error);

function projections(io: ProjectionsIo): Command {
  const { program, print } = operatorCommand('projections', io);
  program
    .description('The payments of each user, projected from events and payments: how fresh they are, or all anew')
    .addHelpText('after', helpText);

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

const withPool = (env: NodeJS.ProcessEnv, work: (pool: Pool) => Promise<void>): Promise<void> =>
  withDatabase(
    { env, which: 'whose projections are meant', pinnedPlans: true, applicationName: 'sagashift-projections' },
    work,
  );
