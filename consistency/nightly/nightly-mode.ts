import { InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../../runtime/environment.ts';
import { type NightlyConfig, readNightlyConfig } from '../../runtime/nightly-config.ts';
import { openPool, sqlState } from '../../runtime/database.ts';
import { type CommandIo, type CommandMode, exitCodes } from '../command-mode.ts';
import { fromEventsMode } from '../from-events/from-events-mode.ts';
import { nightlyText } from './nightly-text.ts';
import { nightlyDefaults, runNightly } from './nightly.ts';
import { NightlyHeld } from './night-lock.ts';
import { pruneOutputs, writeOutputs } from './outputs.ts';
import type { NightlyReport } from './report.ts';
import { readNightlyFigures, writeTextfile } from './textfile.ts';
import { verdictOf } from './wording.ts';
import { NotWritten } from './write-file.ts';

const whole = (from: number, to: number) => (text: string) => {
  if (/^\d{1,6}$/.test(text) && Number(text) >= from && Number(text) <= to) return Number(text);
  throw new InvalidArgumentError(`takes a whole number from ${from} to ${to}`);
};

function textfileName(text: string): string {
  if (text.endsWith('.prom')) return text;
  throw new InvalidArgumentError('node_exporter reads files whose names end in .prom');
}

interface NightlyFlags {
  readonly json?: boolean;
  readonly fromEvents?: boolean;
  readonly out?: string;
  readonly metricsFile?: string;
  readonly retentionDays?: number;
  readonly abandonAfter: number;
}

/** The run of this night, for cron: one at a time, resumed after a crash, recorded, reported. */
export const nightlyMode: CommandMode = {
  flag: 'nightly',
  options: [
    new Option(
      '--nightly',
      'the run of this night: recorded, resumed after a crash, never two at once, with a page of its own',
    ),
    ...fromEventsMode.options.filter(({ long }) => long === '--from-events'),
    new Option(
      '--out <dir>',
      'with --nightly: where its JSON and its page go (default: SAGASHIFT_NIGHTLY_OUT, else verification)',
    ),
    new Option(
      '--metrics-file <file>',
      'with --nightly: for the textfile collector of node_exporter; ends in .prom',
    ).argParser(textfileName),
    new Option(
      '--retention-days <days>',
      'with --nightly: what was recorded before is removed (default: SAGASHIFT_NIGHTLY_RETENTION_DAYS, else 400)',
    ).argParser(whole(1, 36_500)),
    new Option('--abandon-after <hours>', 'with --nightly: an unfinished run that was begun before is not resumed')
      .argParser(whole(1, 8_784))
      .default(nightlyDefaults.abandonAfterHours),
  ],
  async run(databaseUrl, given, io) {
    const flags = given as unknown as NightlyFlags;
    try {
      const config = readNightlyConfig(io.env);
      const retentionDays = flags.retentionDays ?? config.retentionDays;
      const report = await runNightly(
        databaseUrl,
        {
          fromEvents: flags.fromEvents === true,
          abandonAfterHours: flags.abandonAfter,
          retentionDays,
          say: (line) => {
            io.err(`${line}\n`);
          },
        },
        io.signal ?? new AbortController().signal,
      );
      io.out(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : nightlyText(report));
      const written = await writeAll(databaseUrl, report, { ...flags, retentionDays }, config, io);
      return exitCodeOf(report, written, io);
    } catch (error) {
      return refusal(error, io);
    }
  },
};

/** Each on its own: where one cannot be written the other still can. */
async function writeAll(
  databaseUrl: string,
  report: NightlyReport,
  { json, out, metricsFile, retentionDays }: NightlyFlags & { readonly retentionDays: number },
  config: NightlyConfig,
  io: CommandIo,
): Promise<boolean> {
  const folder = out ?? config.out ?? 'verification';
  const files = [
    async () => {
      const page = await writeOutputs(folder, report);
      if (json !== true) io.out(`page: ${page}\n`);
      await pruneOutputs(folder, report, retentionDays);
    },
    async () => {
      if (metricsFile !== undefined) await exportMetrics(databaseUrl, metricsFile, config.expectedHours);
    },
  ];
  let written = true;
  for (const write of files) {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof NotWritten)) throw error;
      io.err(`${error.message}; the result is recorded as run ${report.runId} in verification_run\n`);
      written = false;
    }
  }
  return written;
}

async function exportMetrics(databaseUrl: string, file: string, expectedHours: number): Promise<void> {
  const pool = openPool({ url: databaseUrl, size: 1, applicationName: 'sagashift-nightly' });
  try {
    await writeTextfile(file, await readNightlyFigures(pool), expectedHours);
  } finally {
    await pool.close();
  }
}

/** What was found comes before what could not be written. */
function exitCodeOf(report: NightlyReport, written: boolean, io: CommandIo): number {
  const verdict = verdictOf(report);
  if (verdict === 'broken') return exitCodes.violated;
  if (!written) return exitCodes.unreachable;
  if (verdict === 'in order') return exitCodes.ok;
  io.err(
    verdict === 'in doubt'
      ? 'this is no proof while there is doubt\n'
      : 'nothing examined: no engine has worked on an order of this database\n',
  );
  return exitCodes.invalid;
}

const [readOnly, mayNotWrite, noTable, noColumn] = ['25006', '42501', '42P01', '42703'];
const refusals: Readonly<Record<string, string>> = {
  [readOnly]: 'this server only reads, as a replica does: a nightly run is recorded, so give it the primary',
  [mayNotWrite]: 'this user may not write what a nightly run records, in verification_run, _finding, _part and _pruned',
  [noTable]: 'the database is of an older version: run `npm run migrate` first',
  [noColumn]: 'the database is of an older version: run `npm run migrate` first',
};

function refusal(error: unknown, io: CommandIo): number {
  if (error instanceof ConfigError) {
    io.err(`${error.message}\n`);
    return exitCodes.usage;
  }
  const why = error instanceof NightlyHeld ? error.message : refusals[sqlState(error) ?? ''];
  if (why === undefined) throw error;
  io.err(`${why}\n`);
  return exitCodes.invalid;
}
