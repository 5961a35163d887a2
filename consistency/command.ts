import { type Command, CommanderError } from 'commander';
import { commandOn, exitCodeOfParsing } from '../runtime/operator-command.ts';
import { clientLogMode } from './client-log/client-log-mode.ts';
import { type CommandIo, type CommandMode, exitCodes, type Flags } from './command-mode.ts';
import { apartMode, refuseApart } from './apart/apart-mode.ts';
import { explainMode } from './explain/explain-mode.ts';
import { faultOf } from './fault.ts';
import { fromEventsMode } from './from-events/from-events-mode.ts';
import { nightlyMode } from './nightly/nightly-mode.ts';
import { onlineMode } from './online/online-mode.ts';
import { passMode } from './pass-mode.ts';
import { repairMode } from './repair/repair-mode.ts';
import { selfTestMode } from './self-test/self-test-mode.ts';
import { sinceMode } from './since/since-mode.ts';

export type { CommandIo } from './command-mode.ts';

const modes: readonly CommandMode[] = [
  explainMode,
  selfTestMode,
  repairMode,
  nightlyMode,
  fromEventsMode,
  clientLogMode,
  onlineMode,
  sinceMode,
  apartMode,
  passMode,
];

/** Resolves with the exit code: 0 every invariant holds, 1 violated, 2 usage, 3 nothing of ours to examine, 4 no verdict because of a fault. */
export async function runVerify(argv: readonly string[], io: CommandIo): Promise<number> {
  const program = command(io);
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOfParsing(error);
    throw error;
  }
  const flags = program.opts<Flags>();
  const mode =
    modes.find(({ flag }) => flag !== undefined && flags[flag] !== undefined) ??
    modes.find((each) => each.wanted?.(io.env)) ??
    passMode;
  const strange = strangers(program, mode) ?? refuseApart(mode, io.env);
  if (strange !== undefined) {
    io.err(`${strange}\n`);
    return exitCodes.usage;
  }
  const databaseUrl = (flags['databaseUrl'] as string | undefined) ?? io.env['DATABASE_URL'] ?? '';
  if (mode.withoutDatabase !== true && (!/^postgres(ql)?:\/\//.test(databaseUrl) || !URL.canParse(databaseUrl))) {
    io.err('which database? Give --database-url or set DATABASE_URL, like postgres://user@host:5432/name\n');
    return exitCodes.usage;
  }
  try {
    return await mode.run(databaseUrl, flags, io);
  } catch (error) {
    const { message, exitCode } = faultOf(error);
    io.err(`${message}\n`);
    return exitCode;
  }
}

function command(io: CommandIo): Command {
  const program = commandOn('verify', io)
    .description(
      'Checks every invariant of payments, balances, stocks, coupons, sagas and deliveries in one snapshot, reading only',
    )
    .option('--database-url <url>', 'postgres://user@host:port/name (default: DATABASE_URL)');
  const options = new Map(modes.flatMap((mode) => mode.options.map((option) => [option.long, option])));
  for (const option of options.values()) program.addOption(option);
  return program
    .option('--json', 'print the report as one JSON document')
    .option('--record', 'keep the result in verification_run and verification_finding')
    .allowExcessArguments(false);
}

/** What is wrong with options that were typed and belong to another mode. An option may belong to several. */
function strangers(program: Command, mode: CommandMode): string | undefined {
  const typed = (name: string): boolean => program.getOptionValueSource(name) === 'cli';
  for (const other of modes.filter((each) => each !== mode)) {
    for (const option of other.options) {
      const name = option.attributeName();
      if (!typed(name) || mode.options.some((own) => own.attributeName() === name)) continue;
      const [asked, own] = [flagOf(mode), flagOf(other)];
      return asked === undefined ? `${option.long} is for ${own}` : `${option.long} cannot be used with ${asked}`;
    }
  }
  return undefined;
}

const flagOf = ({ flag, options }: CommandMode): string | null | undefined =>
  options.find((option) => option.attributeName() === flag)?.long;
