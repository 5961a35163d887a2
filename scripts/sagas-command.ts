import { Command, CommanderError } from 'commander';
import { findSagas, readSagaStory } from '../eventdriven/index.ts';
import { asFailure, CommandFailure, exitCodes } from '../router/canary/failures.ts';
import { openPool, type Pool } from '../runtime/database.ts';
import { databaseUrlFrom, idFrom } from './operator-arguments.ts';
import { addActions } from './sagas-actions.ts';
import { type FilterFlags, filtered, filterOf } from './sagas-filter.ts';
import { listText, storyText } from './sagas-text.ts';
import { watchLine, watchSagas, watchScreen } from './sagas-watch.ts';

/** What the command is given: nothing of the process is touched, so that a test can run it in process. */
export interface SagasIo {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => unknown;
  readonly err: (text: string) => unknown;
  /** `out` is a terminal: a screen can be drawn again. */
  readonly tty: boolean;
  /** Called by what takes long: aborts when it is to end. */
  readonly interrupted: () => AbortSignal;
}

/** Resolves with the exit code: 0 done, 1 failed or no such saga, 2 usage, 3 refused: the saga is not one that this can be done to, 4 unreachable. */
export async function runSagas(argv: readonly string[], io: SagasIo): Promise<number> {
  try {
    await sagas(io).parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    // commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const { message, exitCode } = asFailure(error);
    if (message !== '') io.err(`${message}\n`);
    return exitCode;
  }
}

function sagas(io: SagasIo): Command {
  const program = new Command('sagas')
    .description(
      'Payments on the saga side that are open or were given up: shows them, and acts on those that are stuck',
    )
    .option('--json', 'print one JSON document; `watch` prints one a line')
    .configureOutput({ writeOut: (text) => void io.out(text), writeErr: (text) => void io.err(text) })
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)');
  const asJson = (): boolean => program.opts<{ json?: boolean }>().json === true;
  const print = (value: object, text: string): void => {
    io.out(asJson() ? `${JSON.stringify(value, null, 2)}\n` : text);
  };

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

async function withPool(env: NodeJS.ProcessEnv, work: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = openPool({
    url: databaseUrlFrom(env, 'sagas'),
    size: 1,
    timeoutMs: statementTimeoutMs,
    applicationName: 'sagashift-sagas',
  });
  try {
    await work(pool);
  } finally {
    await pool.close();
  }
}

/** Longer than any boundary may hold a saga. */
const statementTimeoutMs = 10_000;
