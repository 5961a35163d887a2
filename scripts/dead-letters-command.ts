import { userInfo } from 'node:os';
import type { Command } from 'commander';
import {
  type Choice,
  countDeadLetters,
  countLimit,
  type DeadLetter,
  findDeadLetters,
  NotDeadLetters,
  publishDeadLetters,
  settleDeadLetters,
} from '../eventdriven/index.ts';
import { asFailure, CommandFailure, exitCodes } from '../runtime/command-failure.ts';
import type { Pool } from '../runtime/database.ts';
import { type CommandIo, operatorCommand, runCommand, withDatabase } from '../runtime/operator-command.ts';
import { openRedis } from '../runtime/redis.ts';
import { ageFrom, idFrom, limitFrom, maxLimit, reasonFrom } from './operator-arguments.ts';
import { moreText } from './sagas-text.ts';

interface FilterFlags {
  readonly topic?: string;
  readonly target?: string;
  readonly olderThan?: number;
  readonly limit: number;
}
interface ActionFlags extends FilterFlags {
  readonly all?: boolean;
  readonly reason: string;
  readonly actor: string;
}

const helpText = `
Wants DATABASE_URL; with REDIS_URL and SAGASHIFT_KEY_PREFIX the list in Redis follows at once. \`<command> --help\` shows what it takes.
Exit codes: 0 done, 1 no such event, 2 usage, 3 refused: no dead letter, 4 the database cannot be reached. See docs/delivery.md.`;

/** Resolves with the exit code: 0 ok, 1 failed or no such event, 2 usage, 3 conflict: the event is no dead letter, 4 unreachable. */
export const runDeadLetters = (argv: readonly string[], io: CommandIo): Promise<number> =>
  runCommand(() => deadLetters(io), argv, io, failureOf);

function failureOf(error: unknown): CommandFailure {
  if (!(error instanceof NotDeadLetters)) return asFailure(error);
  return new CommandFailure(error.unknown ? exitCodes.failed : exitCodes.conflict, error.message);
}

function deadLetters(io: CommandIo): Command {
  const { program, print } = operatorCommand('dead-letters', io);
  program
    .description('Events for the outside that were given up on: shows them, sends them again, or drops them')
    .addHelpText('after', helpText);

  filtered(program.command('list').description('oldest first')).action((flags: FilterFlags) =>
    withPool(io.env, async (pool) => {
      const letters = await findDeadLetters(pool, filterOf(flags));
      const more = await countBeyond(pool, flags, letters, letters.length);
      print({ deadLetters: letters, more }, `${listText(letters)}${moreText(more)}`);
    }),
  );
  const settling = (action: 'replay' | 'drop', done: string, description: string): void => {
    filtered(program.command(action).description(description))
      .argument('[eventIds...]', 'these, all of them or none')
      .option('--all', 'every dead letter, up to the limit')
      .requiredOption('--reason <text>', 'why; kept in operator_action', reasonFrom)
      .option('--by, --actor <name>', 'who, default the user of this terminal', userInfo().username)
      .action((eventIds: readonly string[], flags: ActionFlags) =>
        withPool(io.env, async (pool) => {
          const { reason, actor } = flags;
          const operator = { actor, command: `dead-letters ${action}`, reason };
          const letters = await settleDeadLetters(pool, action, choiceOf(eventIds, flags), operator);
          const listed = await relist(io.env, pool, letters);
          const hint = listed || letters.length === 0 ? '' : 'the list in Redis follows within a minute\n';
          const more = eventIds.length > 0 ? 0 : await countBeyond(pool, flags, letters, 0);
          print({ [done]: letters, listed, more }, `${done} ${letters.length}\n${moreText(more)}${hint}`);
        }),
      );
  };
  settling('replay', 'replayed', 'back to PENDING with no try behind them: the relay sends them again');
  settling('drop', 'dropped', 'to DROPPED: never sent, no longer listed');
  return program;
}

const filtered = (command: Command): Command =>
  command
    .option('--topic <name>', 'of this topic, e.g. payment.completed')
    .option('--target <name>', 'for this target system')
    .option('--older-than <age>', 'written longer ago than this, e.g. 90s, 15m, 2h, 7d', ageFrom)
    .option('--limit <n>', `at most so many, up to ${maxLimit}`, limitFrom, 100);

const filterOf = ({ topic, target, olderThan, limit }: FilterFlags) => ({
  topic,
  target,
  olderThanMs: olderThan,
  limit,
});

/** That the filter finds beyond its limit, counted up to `countLimit`; `found` of those it has just found are dead letters still. */
const countBeyond = async (
  pool: Pool,
  flags: FilterFlags,
  letters: readonly DeadLetter[],
  found: number,
): Promise<number> =>
  letters.length < flags.limit
    ? 0
    : (await countDeadLetters(pool, { ...filterOf(flags), limit: found + countLimit })) - found;

/** What is meant must be said: nothing at all is more likely a slip than a wish for everything. */
function choiceOf(eventIds: readonly string[], flags: ActionFlags): Choice {
  const byFilter = [flags.topic, flags.target, flags.olderThan].some((value) => value !== undefined);
  if ([eventIds.length > 0, byFilter, flags.all === true].filter(Boolean).length !== 1) {
    throw new CommandFailure(
      exitCodes.usage,
      'which? Give event ids, or a filter (--topic, --target, --older-than), or --all',
    );
  }
  if (eventIds.length > maxLimit) throw new CommandFailure(exitCodes.usage, `at most ${maxLimit} event ids at once`);
  return eventIds.length > 0
    ? { eventIds: eventIds.map((id) => idFrom(id, 'an event id')) }
    : { filter: filterOf(flags) };
}

const withPool = (env: NodeJS.ProcessEnv, work: (pool: Pool) => Promise<void>): Promise<void> =>
  withDatabase(
    {
      env,
      which: 'whose dead letters are meant',
      timeoutMs: statementTimeoutMs,
      applicationName: 'sagashift-dead-letters',
    },
    work,
  );

/** Postgres has said what they are; the list only follows. Without Redis a relay puts it right. */
async function relist(env: NodeJS.ProcessEnv, pool: Pool, letters: readonly DeadLetter[]): Promise<boolean> {
  const { REDIS_URL: url, SAGASHIFT_KEY_PREFIX: prefix } = env;
  if (url === undefined || url === '') return false;
  const redis = openRedis(url, 'dead-letters', () => {
    redis.disconnect(); // at the first error: a person is waiting
  });
  try {
    await publishDeadLetters(pool, redis, prefix ?? 'sagashift', new Set(letters.map(({ topic }) => topic)));
    return true;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

const statementTimeoutMs = 10_000;

const listText = (letters: readonly DeadLetter[]): string =>
  letters.length === 0
    ? 'no dead letters\n'
    : letters
        .map(
          ({ eventId, createdAt, topic, target, orderId, tries, error }) =>
            `${eventId}  ${createdAt.toISOString()}  ${topic} -> ${target}  order ${orderId}  refused ${tries} times  ${error ?? ''}\n`,
        )
        .join('');
