import { Option } from 'commander';
import { type CommandMode, exitCodes } from '../command-mode.ts';
import { passMode } from '../pass-mode.ts';
import type { Mode } from '../verifier.ts';
import { clientLogText } from './client-log-text.ts';
import { OperationLogError } from './operation-log.ts';
import { readOperationLog } from './read-operation-log.ts';
import { verifyClientLog } from './verify-client-log.ts';

/** Holds a file of what clients were told against the database. */
export const clientLogMode: CommandMode = {
  flag: 'clientLog',
  options: [
    new Option(
      '--client-log <file>',
      'instead: hold what clients were told (an operation log, as `npm run bench` leaves it in raw/) against the database',
    ),
    ...passMode.options.filter((option) => option.attributeName() === 'mode'),
  ],
  async run(databaseUrl, flags, io) {
    const {
      clientLog: file,
      mode,
      json,
      record,
    } = flags as { clientLog: string; mode: Mode } & Record<string, unknown>;
    if (record === true) {
      io.err('--record cannot be used with --client-log\n');
      return exitCodes.usage;
    }
    try {
      const report = await verifyClientLog(databaseUrl, () => readOperationLog(file), {
        mode,
        ...(io.signal && { signal: io.signal }),
      });
      io.out(json === true ? `${JSON.stringify(report, null, 2)}\n` : clientLogText(report));
      if (report.violations > 0) return exitCodes.violated;
      if (report.requests > 0) return exitCodes.ok;
    } catch (error) {
      if (!(error instanceof OperationLogError)) throw error;
      io.err(`${[error.message, (error.cause as Error | undefined)?.message].filter(Boolean).join(': ')}\n`);
      return exitCodes.usage;
    }
    io.err(`nothing examined: ${file} holds no request\n`);
    return exitCodes.invalid;
  },
};
