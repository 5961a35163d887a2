import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { CommandFailure, exitCodes } from '../../runtime/command-failure.ts';
import type { Pool } from '../../runtime/database.ts';
import { type CommandIo, operatorCommand, runCommand, withDatabase } from '../../runtime/operator-command.ts';
import { publishHint } from '../rollout-hints.ts';
import type { RolloutRow } from '../rollout-sql.ts';
import { announce } from './announce.ts';
import { firstBrokenLink, readAudit } from './audit.ts';
import { type Authorship, type ChangeOptions, changeRollout } from './change-rollout.ts';
import { explainUser } from './explain-user.ts';
import { asCanaryFailure } from './failures.ts';
import { explanationText, historyText, statusText } from './print.ts';
import { readStatus } from './rollout-status.ts';

interface ChangeFlags {
  readonly reason: string;
  readonly by: string;
  readonly ifVersion?: number;
}
interface SetFlags extends ChangeFlags {
  readonly allow?: readonly number[];
  readonly deny?: readonly number[];
  readonly enabled?: boolean;
}

/** Resolves with the exit code: 0 ok, 1 failed or refused, 2 usage, 3 conflict, 4 unreachable. */
export async function runCanary(argv: readonly string[], io: CommandIo): Promise<number> {
  return runCommand(() => canary(io), argv, io, asCanaryFailure);
}

function canary(io: CommandIo): Command {
  const { program, print } = operatorCommand('canary', io);
  program.description('Moves payments between the monolith and the saga, and back');
  const withPool = (work: (pool: Pool) => Promise<void>): Promise<void> =>
    withDatabase({ env: io.env, which, timeoutMs: statementTimeoutMs, applicationName: 'sagashift-canary' }, work);
  const change = async (what: Partial<RolloutRow>, by: Authorship, options: ChangeOptions): Promise<void> => {
    let told = async (): Promise<void> => undefined;
    const make = withPool(async (pool) => {
      const { row, before, changed } = await changeRollout(pool, what, by, options);
      if (changed) told = () => announce(io, by, row, before);
      const hinted = changed && (await hint(io.env, row.version));
      print(
        { changed, hinted, ...row },
        changed ? statusText(await readStatus(pool)) : `nothing to change: version ${row.version} says so already\n`,
      );
    });
    await make.finally(() => told()); // what has committed is told, also when it could not be shown
  };

  program
    .command('status')
    .description('percentage, emergency, version, what each router applies, payments by side')
    .action(() =>
      withPool(async (pool) => {
        const status = await readStatus(pool);
        print(status, statusText(status));
      }),
    );
  changing(program.command('set').description('send the users of the buckets below PERCENTAGE to the saga'))
    .argument('<percentage>', '0 to 100', percentageFrom)
    .option('--allow <ids>', 'users that are always on the saga, unless VIP; replaces the list, "" empties it', idsFrom)
    .option('--deny <ids>', 'users that are never on the saga; replaces the list', idsFrom)
    .option('--enabled', 'switch the saga side on')
    .option('--no-enabled', 'switch it off, whatever the percentage')
    .action((percentage: number, { reason, by, ifVersion, allow, deny, enabled }: SetFlags) =>
      change(
        {
          percentage,
          ...(allow === undefined ? {} : { allow }),
          ...(deny === undefined ? {} : { deny }),
          ...(enabled === undefined ? {} : { enabled }),
        },
        { actor: by, action: 'set', reason },
        { ifVersion },
      ),
    );
  changing(
    program.command('rollback').description('send every new payment to the monolith, now; works in every state'),
    false,
  ).action(({ reason, by }: ChangeFlags) =>
    change({ emergency: true }, { actor: by, action: 'rollback', reason }, { retryOnConflict: true }),
  );
  changing(program.command('clear').description('end the rollback: the percentage counts again')).action(
    ({ reason, by, ifVersion }: ChangeFlags) =>
      change({ emergency: false }, { actor: by, action: 'clear', reason }, { ifVersion }),
  );
  program
    .command('explain')
    .description('where a payment of the user would go, and every rule that was asked')
    .argument('<userId>', 'the user', idFrom)
    .option('--order <id>', 'an order: it may have started on one side already', idFrom)
    .action((userId: number, { order }: { order?: number }) =>
      withPool(async (pool) => {
        const explanation = await explainUser(pool, userId, order, switchesOf(io.env));
        if (explanation === undefined) throw new CommandFailure(exitCodes.failed, `user ${userId} does not exist`);
        print(explanation, explanationText(explanation));
      }),
    );
  program
    .command('history')
    .description('who changed what, when and why')
    .option('--verify', 'check the chain of hashes: exit 1 when an entry was changed afterwards')
    .action(({ verify }: { verify?: boolean }) =>
      withPool(async (pool) => {
        const entries = await readAudit(pool);
        const broken = verify === true ? firstBrokenLink(entries) : undefined;
        print(
          { entries, ...(verify === true ? { intact: broken === undefined, firstBroken: broken ?? null } : {}) },
          historyText(entries),
        );
        if (broken !== undefined)
          throw new CommandFailure(
            exitCodes.failed,
            `entry ${broken} is not what was written: the history was changed`,
          );
      }),
    );
  return program;
}

/** What every change takes. A reason is mandatory: the history is read by people who were not there. */
function changing(command: Command, conditional = true): Command {
  command
    .requiredOption('--reason <text>', 'why; kept in the history', reasonFrom)
    .option('--by <name>', 'who, default the user of this terminal', userInfo().username);
  return conditional
    ? command.option('--if-version <n>', 'refuse (exit 3) unless this is still the version', idFrom)
    : command;
}

const statementTimeoutMs = 5_000;

const which =
  'that the routers use, for example DATABASE_URL=postgres://user:password@127.0.0.1:5432/sagashift (`npm start` prints its own)';

/** Without Redis the routers find the change by their own poll, within a second. */
const hint = async (
  { REDIS_URL: url, SAGASHIFT_KEY_PREFIX: prefix }: NodeJS.ProcessEnv,
  version: number,
): Promise<boolean> => url !== undefined && url !== '' && (await publishHint(url, prefix ?? 'sagashift', version));

/** Those of this terminal; a router's own may differ. */
const switchesOf = (env: NodeJS.ProcessEnv) => ({
  eventDrivenEnabled: env['PAYMENT_EVENT_DRIVEN_ENABLED'] === 'true',
  emergencyRollback: env['PAYMENT_EMERGENCY_ROLLBACK'] === 'true',
});

function reasonFrom(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('say why');
  return text.trim();
}

function percentageFrom(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 100) return Number(text);
  throw new InvalidArgumentError('a percentage is a whole number from 0 to 100');
}

function idFrom(text: string): number {
  if (/^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError('it takes a whole number from 1 to 2^53 - 1');
}

const listLimit = 1_000;
function idsFrom(text: string): readonly number[] {
  const ids = text.trim() === '' ? [] : text.split(',').map((part) => idFrom(part.trim()));
  if (ids.length > listLimit) throw new InvalidArgumentError(`at most ${listLimit} users`);
  return [...new Set(ids)].sort((a, b) => a - b);
}
