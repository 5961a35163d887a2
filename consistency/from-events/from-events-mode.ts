import { Option } from 'commander';
import { type CommandMode, exitCodes } from '../command-mode.ts';
import { reportText } from '../report-text.ts';
import { verifyFromEvents } from './verify-from-events.ts';

export const fromEventsMode: CommandMode = {
  flag: 'fromEvents',
  options: [
    new Option(
      '--from-events',
      'instead: rebuild orders, payments, balances and stocks from their events and ledgers, from nothing, and compare',
    ),
    new Option(
      '--from-snapshots',
      'with --from-events: begin each balance at its snapshot, if its ledger bears that out',
    ),
    new Option('--write-snapshots', 'with --from-events: write a snapshot of each balance with a long ledger'),
  ],
  async run(databaseUrl, flags, io) {
    const { json, record, fromSnapshots, writeSnapshots } = flags as Record<string, boolean | undefined>;
    const report = await verifyFromEvents(databaseUrl, {
      record: record === true,
      fromSnapshots: fromSnapshots === true,
      writeSnapshots: writeSnapshots === true,
      ...(io.signal && { signal: io.signal }),
    });
    io.out(json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    if (writeSnapshots === true && json !== true) io.out(`wrote ${report.snapshotsWritten} snapshots of balances\n`);
    if (report.violations > 0) return exitCodes.violated;
    if (report.rebuilt) return exitCodes.ok;
    io.err('nothing examined: without events, balances and stocks there is nothing to rebuild\n');
    return exitCodes.invalid;
  },
};
