import { Command, CommanderError, Option } from 'commander';
import { NotOursError } from '../runtime/databases.ts';
import { type FromEventsReport, verifyFromEvents } from './from-events/verify-from-events.ts';
import { reportText } from './report-text.ts';
import { type Mode, type VerificationReport, verify } from './verifier.ts';

/** What the command is given: nothing of the process is touched, so that a test can run it in process. */
export interface CommandIo {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly signal?: AbortSignal;
}

interface Flags {
  readonly databaseUrl?: string;
  readonly mode: Mode;
  readonly json?: boolean;
  readonly record?: boolean;
  readonly fromEvents?: boolean;
  readonly fromSnapshots?: boolean;
  readonly writeSnapshots?: boolean;
}

const exitCodes = { ok: 0, violated: 1, usage: 2, invalid: 3, unreachable: 4 } as const;

/** Resolves with the exit code: 0 every invariant holds, 1 violated, 2 usage, 3 nothing of ours to examine, 4 no verdict because of a fault. */
export async function runVerify(argv: readonly string[], io: CommandIo): Promise<number> {
  const program = command(io);
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    // commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    throw error;
  }
  const { databaseUrl = io.env['DATABASE_URL'] ?? '', json, ...flags } = program.opts<Flags>();
  if (flags.fromEvents !== true && (flags.fromSnapshots ?? flags.writeSnapshots) === true) {
    io.err('--from-snapshots and --write-snapshots are for --from-events\n');
    return exitCodes.usage;
  }
  if (!/^postgres(ql)?:\/\//.test(databaseUrl) || !URL.canParse(databaseUrl)) {
    io.err('which database? Give --database-url or set DATABASE_URL, like postgres://user@host:5432/name\n');
    return exitCodes.usage;
  }
  try {
    const signal = io.signal === undefined ? {} : { signal: io.signal };
    const rebuilt =
      flags.fromEvents === true ? await verifyFromEvents(databaseUrl, { ...flags, ...signal }) : undefined;
    const report = rebuilt ?? (await verify(databaseUrl, { ...flags, ...signal }));
    io.out(json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    if (rebuilt !== undefined && flags.writeSnapshots === true && json !== true)
      io.out(`wrote ${rebuilt.snapshotsWritten} snapshots of balances\n`);
    return rebuilt === undefined ? verdict(report, io) : verdictOfRebuilt(rebuilt, io);
  } catch (error) {
    io.err(`${error instanceof Error ? explain(error) : String(error)}\n`);
    return error instanceof NotOursError ? exitCodes.invalid : exitCodes.unreachable;
  }
}

function command(io: CommandIo): Command {
  return new Command('verify')
    .description(
      'Checks every invariant of payments, balances, stocks, coupons, sagas and deliveries in one snapshot, reading only',
    )
    .option('--database-url <url>', 'postgres://user@host:port/name (default: DATABASE_URL)')
    .addOption(
      new Option('--mode <mode>', 'live: payments may be in work; drained: nothing may be open')
        .choices(['live', 'drained'])
        .default('live')
        .conflicts('fromEvents'),
    )
    .option(
      '--from-events',
      'instead: rebuild orders, payments, balances and stocks from their events and ledgers, from nothing, and compare',
    )
    .option('--from-snapshots', 'with --from-events: begin each balance at its snapshot')
    .option('--write-snapshots', 'with --from-events: write a snapshot of each balance with a long ledger')
    .option('--json', 'print the report as one JSON document')
    .option('--record', 'keep the result in verification_run and verification_finding')
    .allowExcessArguments(false)
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)');
}

function verdict(report: VerificationReport, io: CommandIo): number {
  if (report.violations > 0) return exitCodes.violated;
  const ordersExamined = report.perInvariant.find(({ code }) => code === 'P4')?.examined ?? 0;
  if (ordersExamined > 0) return exitCodes.ok;
  io.err('nothing examined: the database holds no orders\n');
  return exitCodes.invalid;
}

function verdictOfRebuilt({ violations, rebuilt }: FromEventsReport, io: CommandIo): number {
  if (violations > 0) return exitCodes.violated;
  if (rebuilt) return exitCodes.ok;
  io.err('nothing examined: without events, balances and stocks there is nothing to rebuild\n');
  return exitCodes.invalid;
}

/** The cause says what the network or the server said; of several addresses that were tried only the code is left. */
function explain(error: Error): string {
  const { message, code } = (error.cause ?? {}) as { readonly message?: string; readonly code?: string };
  return [error.message, message || code].filter(Boolean).join(': ');
}
