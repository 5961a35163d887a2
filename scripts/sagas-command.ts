import type { Command } from 'commander';
import { findSagas, readSagaStory } from '../eventdriven/index.ts';
import { CommandFailure, exitCodes } from '../runtime/command-failure.ts';
import type { Pool } from '../runtime/database.ts';
import { type CommandIo, operatorCommand, runCommand, withDatabase } from '../runtime/operator-command.ts';
import { idFrom } from './operator-arguments.ts';
import { addActions } from './sagas-actions.ts';
import { type FilterFlags, filtered, filterOf } from './sagas-filter.ts';
import { listText, storyText } from './sagas-text.ts';
import { watchLine, watchSagas, watchScreen } from './sagas-watch.ts';

export interface SagasIo extends CommandIo {
  /** `out` is a terminal: a screen can be drawn again. */
  readonly tty: boolean;
  /** Called by what takes long: aborts when it is to end. */
  readonly interrupted: () => AbortSignal;
}

const helpText = `
Wants DATABASE_URL, and nothing else. \`<command> --help\` shows what it takes; every action wants a --reason.
Exit codes: 0 done, 1 failed or no such saga, 2 usage, 3 refused, 4 the database cannot be reached. See docs/operations.md.`;

/** Resolves with the exit code: 0 done, 1 failed or no such saga, 2 usage, 3 refused: the saga is not one that this can be done to, 4 unreachable. */
export const runSagas = (argv: readonly string[], io: SagasIo): Promise<number> =>
  runCommand(() => sagas(io), argv, io);

function sagas(io: SagasIo): Command {
  const { program, asJson, print } = operatorCommand('sagas', io, 'print one JSON document; `watch` prints one a line');
  program
    .description(
      'Payments on the saga side that are open or were given up: shows them, and acts on those that are stuck',
    )
    .addHelpText('after', helpText);

  filtered(program.command('list').description('oldest first; by default what is open and what was given up')).action(
    (flags: FilterFlags) =>
      withPool(io.env, async (pool) => {
        const found = await findSagas(pool, filterOf(flags, 'unsettled'));
        print(found, listText(found));
      }),
  );
  program
    .command('show')
    .description('all there is to know of one, and what happens next')
    .argument('<id>', 'a saga id')
    .option('--order', 'the id is that of an order')
    .action((text: string, { order = false }: { order?: boolean }) =>
      withPool(io.env, async (pool) => {
        const id = idFrom(text, order ? 'an order id' : 'a saga id');
        const story = await readSagaStory(pool, id, order ? 'order' : 'saga');
        const missing = order ? `order ${id} has no saga` : `there is no saga ${id}`;
        if (story === undefined) throw new CommandFailure(exitCodes.failed, missing);
        print(story, storyText(story));
      }),
    );
  program
    .command('watch')
    .description('counts by status and step, every second, until Ctrl-C')
    .action(() =>
      withPool(io.env, (pool) =>
        watchSagas(
          pool,
          (counts) => {
            const text = io.tty ? watchScreen(counts) : watchLine(counts);
            io.out(asJson() ? `${JSON.stringify(counts)}\n` : text);
          },
          (why) => {
            io.err(`${why}\n`);
          },
          io.interrupted(),
        ),
      ),
    );

  addActions(program, io, { json: asJson, withPool: (work) => withPool(io.env, work) });
  return program;
}

const withPool = (env: NodeJS.ProcessEnv, work: (pool: Pool) => Promise<void>): Promise<void> =>
  withDatabase(
    { env, which: 'whose sagas are meant', timeoutMs: statementTimeoutMs, applicationName: 'sagashift-sagas' },
    work,
  );

/** Longer than any boundary may hold a saga. */
const statementTimeoutMs = 10_000;
