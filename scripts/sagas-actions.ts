import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { findSagas, type SagaAction, type SagaSelection, type Settled, settleSagas } from '../eventdriven/index.ts';
import { CommandFailure, exitCodes } from '../runtime/command-failure.ts';
import type { Pool } from '../runtime/database.ts';
import { idFrom, maxLimit, reasonFrom } from './operator-arguments.ts';
import type { SagasIo } from './sagas-command.ts';
import { type FilterFlags, filtered, filterOf, isFiltered } from './sagas-filter.ts';
import { moreText, settledText } from './sagas-text.ts';

interface ActionFlags extends FilterFlags {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly reason: string;
  readonly actor: string;
}

interface Given {
  readonly json: () => boolean;
  readonly withPool: (work: (pool: Pool) => Promise<void>) => Promise<void>;
}

/** `retry`, `compensate` and `skip`. Each saga is answered as it is done; the exit code is that of the worst answer. */
export function addActions(program: Command, io: SagasIo, { json, withPool }: Given): void {
  const act = (action: SagaAction, ids: readonly string[], flags: ActionFlags, status: SagaSelection): Promise<void> =>
    withPool(async (pool) => {
      const { sagaIds, more } = await chosen(pool, ids, flags, status);
      const { dryRun = false, actor, reason } = flags;
      const by = { actor, command: `sagas ${action}`, reason };
      const settled: Settled[] = [];
      try {
        for await (const one of settleSagas(pool, action, sagaIds, by, { dryRun, signal: io.interrupted() })) {
          settled.push(one);
          if (!json()) (isDone(one) ? io.out : io.err)(settledText(one));
        }
      } finally {
        // Also when the database went away in the middle: what was done is done, and is told.
        const text = `${sagaIds.length === 0 ? 'no sagas\n' : ''}${moreText(more)}`;
        io.out(json() ? `${JSON.stringify({ action, dryRun, sagas: settled, more }, null, 2)}\n` : text);
      }
      assertAllDone(settled, sagaIds.length);
    });
  const bulk = (action: SagaAction, status: SagaSelection, description: string): void => {
    acting(filtered(program.command(action).description(description)), io.env)
      .argument('[sagaIds...]', 'these; else give a filter')
      .option('--all', `every one that is ${status}, up to the limit`)
      .action((ids: readonly string[], flags: ActionFlags) => act(action, ids, flags, status));
  };
  bulk('retry', 'open', 'due at once, and taken from the worker that has it; takes one up again that was given up');
  bulk('compensate', 'running', 'turn back before the pivot: what was done is undone, the order ends PAYMENT_FAILED');
  acting(
    program
      .command('skip')
      .description('give up: FAILED, the books stay as they are; for one that asks for a person, or is old'),
    io.env,
  )
    .argument('<sagaIds...>', 'these: nothing is given up by a filter')
    .action((ids: readonly string[], flags: ActionFlags) => act('skip', ids, flags, 'open'));
}

/** What every action takes. A reason is mandatory: the record is read by people who were not there. */
const acting = (command: Command, env: NodeJS.ProcessEnv): Command =>
  command
    .requiredOption('--reason <text>', 'why; kept in operator_action', reasonFrom)
    .option('--by, --actor <name>', 'who, default the user of this terminal', reasonFrom, actorOf(env))
    .option('--dry-run', 'say what would be done, and do nothing');

const actorOf = ({ USER: user }: NodeJS.ProcessEnv): string =>
  user === undefined || user.trim() === '' ? userInfo().username : user;

/** What is meant must be said: nothing at all is more likely a slip than a wish for everything. */
async function chosen(
  pool: Pool,
  ids: readonly string[],
  flags: ActionFlags,
  status: SagaSelection,
): Promise<{ readonly sagaIds: readonly number[]; readonly more: number }> {
  if ([ids.length > 0, isFiltered(flags), flags.all === true].filter(Boolean).length !== 1) {
    throw new CommandFailure(
      exitCodes.usage,
      'which? Give saga ids, or a filter (--status, --older-than, --step, --error, --style, --version), or --all',
    );
  }
  if (ids.length > maxLimit) throw new CommandFailure(exitCodes.usage, `at most ${maxLimit} saga ids at once`);
  if (ids.length > 0) return { sagaIds: [...new Set(ids.map((id) => idFrom(id, 'a saga id')))], more: 0 };
  const { sagas, more } = await findSagas(pool, filterOf(flags, status));
  return { sagaIds: sagas.map(({ sagaId }) => sagaId), more };
}

const isDone = ({ outcome }: Settled): boolean => outcome === 'done' || outcome === 'would';

function assertAllDone(settled: readonly Settled[], asked: number): void {
  const done = settled.filter(isDone).length;
  const refused = settled.filter(({ outcome }) => outcome === 'refused').length;
  const failed = settled.length - done - refused;
  const untried = asked - settled.length;
  const text = `done ${done}, refused ${refused}, failed ${failed}, not tried ${untried}`;
  // Of one saga the answer has said it all.
  const fail = (exitCode: number): never => {
    throw new CommandFailure(exitCode, asked > 1 ? text : '');
  };
  if (failed + untried > 0) fail(exitCodes.failed);
  if (refused > 0) fail(exitCodes.conflict);
}
