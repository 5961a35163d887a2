import type { Command } from 'commander';
import { rebuildUserPayments, userPaymentsPositions } from '../eventdriven/index.ts';
import type { Pool } from '../runtime/database.ts';
import { type CommandIo, operatorCommand, runCommand, withDatabase } from '../runtime/operator-command.ts';

export interface ProjectionsIo extends CommandIo {
  readonly signal: AbortSignal;
}

/** Resolves with the exit code: 0 ok, 1 failed, 2 usage, 4 unreachable. */
export const runProjections = (argv: readonly string[], io: ProjectionsIo): Promise<number> =>
  runCommand(() => projections(io), argv, io);

function projections(io: ProjectionsIo): Command {
  const { program, print } = operatorCommand('projections', io);
  program.description('The payments of each user, projected from events and payments: how fresh they are, or all anew');

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
