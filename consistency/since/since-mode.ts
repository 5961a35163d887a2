import { Option } from 'commander';
import { type CommandMode, exitCodes } from '../command-mode.ts';
import { reportText } from '../report-text.ts';
import { verdictOn } from '../verdict.ts';
import { verifySince } from './verify-since.ts';
import { momentOf } from './when.ts';

/** One pass over what was touched since a moment. */
export const sinceMode: CommandMode = {
  flag: 'since',
  options: [
    new Option('--since <when>', 'instead: only what was touched since then, like 2026-11-22T03:00:00Z or 24h'),
  ],
  async run(databaseUrl, flags, io) {
    const { since, json, record } = flags as { since: string; json?: boolean; record?: boolean };
    const moment = momentOf(since, new Date());
    if (typeof moment === 'string') {
      io.err(`--since: ${moment}\n`);
      return exitCodes.usage;
    }
    const report = await verifySince(databaseUrl, moment, {
      record: record === true,
      ...(io.signal && { signal: io.signal }),
    });
    const { touched, of } = report.orders;
    const share = `${touched.toLocaleString('en-US')} of ${of.toLocaleString('en-US')} orders were touched since ${report.since}\n`;
    io.out(json === true ? `${JSON.stringify(report, null, 2)}\n` : share + reportText(report));
    return verdictOn(report, `no order was touched since ${report.since}`, io);
  },
};
