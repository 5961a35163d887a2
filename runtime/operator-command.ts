import { Command, CommanderError } from 'commander';
import { asFailure, CommandFailure, exitCodes } from './command-failure.ts';
import { type ConnectionOptions, openPool, type Pool } from './database.ts';

/** What a command is given: nothing of the process is touched, so that a test can run it in process. */
export interface CommandIo {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => unknown;
  readonly err: (text: string) => unknown;
}

/** Prints through `io`, throws instead of ending the process, and says that there is help when it was not understood. */
export const commandOn = (name: string, { out, err }: Omit<CommandIo, 'env'>): Command =>
  new Command(name)
    .configureOutput({ writeOut: (text) => void out(text), writeErr: (text) => void err(text) })
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)');

export interface OperatorCommand {
  readonly program: Command;
  readonly asJson: () => boolean;
  /** The one or the other, as --json says. */
  readonly print: (value: object, text: string) => void;
}

/** A command for people that programs can use too. */
export function operatorCommand(name: string, io: CommandIo, json = 'print one JSON document'): OperatorCommand {
  const program = commandOn(name, io).option('--json', json);
  const asJson = (): boolean => program.opts<{ json?: boolean }>().json === true;
  const print = (value: object, text: string): void => {
    io.out(asJson() ? `${JSON.stringify(value, null, 2)}\n` : text);
  };
  return { program, asJson, print };
}

/** Resolves with the exit code: 0 when the action ran through, 2 when it was not understood, else what `explain` says. */
export async function runCommand(
  make: () => Command,
  argv: readonly string[],
  { err }: Pick<CommandIo, 'err'>,
  explain: (error: unknown) => CommandFailure = asFailure,
): Promise<number> {
  try {
    await make().parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOfParsing(error);
    const { message, exitCode } = explain(error);
    if (message !== '') err(`${message}\n`);
    return exitCode;
  }
}

/** commander has printed what was wrong, or the help that was asked for. */
export const exitCodeOfParsing = ({ exitCode }: CommanderError): number =>
  exitCode === 0 ? exitCodes.ok : exitCodes.usage;

interface DatabaseWanted extends Omit<ConnectionOptions, 'url'> {
  readonly env: NodeJS.ProcessEnv;
  readonly which: string;
}

/** `which` says what database DATABASE_URL has to name, when it names none. */
export async function withDatabase(
  { env, which, ...options }: DatabaseWanted,
  work: (pool: Pool) => Promise<void>,
): Promise<void> {
  const pool = openPool({ ...options, url: databaseUrlFrom(env, which), size: 1 });
  try {
    await work(pool);
  } finally {
    await pool.close();
  }
}

function databaseUrlFrom({ DATABASE_URL: url }: NodeJS.ProcessEnv, which: string): string {
  if (url !== undefined && URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return url;
  const wrong = url === undefined || url === '' ? 'is not set' : 'is not a URL of a Postgres database';
  throw new CommandFailure(exitCodes.usage, `DATABASE_URL ${wrong}: give the database ${which}`);
}
