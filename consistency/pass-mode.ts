import { Option } from 'commander';
import { type CommandMode, exitCodes } from './command-mode.ts';
import { reportText } from './report-text.ts';
import { type Mode, verify } from './verifier.ts';

/** One pass over everything, in one snapshot: what is done when nothing else is asked for. */
export const passMode: CommandMode = {
  options: [
    new Option('--mode <mode>', 'live: payments may be in work; drained: nothing may be open')
      .choices(['live', 'drained'])
      .default('live'),
  ],
  async run(databaseUrl, flags, io) {
    const { mode, json, record } = flags as { mode: Mode; json?: boolean; record?: boolean };
    const report = await verify(databaseUrl, {
      mode,
      record: record === true,
      ...(io.signal && { signal: io.signal }),
    });
    io.out(json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    if (report.violations > 0) return exitCodes.violated;
    const ordersExamined = report.perInvariant.find(({ code }) => code === 'P4')?.examined ?? 0;
    if (ordersExamined > 0) return exitCodes.ok;
    io.err('nothing examined: the database holds no orders\n');
    return exitCodes.invalid;
  },
};
