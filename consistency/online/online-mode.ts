import { InvalidArgumentError, Option } from 'commander';
import { lookAround } from '../surroundings.ts';
import { assertFitDatabase } from '../unfit.ts';
import { openConnection } from '../../runtime/database.ts';
import { type CommandMode, exitCodes, type Flags } from '../command-mode.ts';
import { onlineJson, onlineText, violationsIn } from './online-text.ts';
import { watchOnline } from './watch-online.ts';

/** While payments are in work: what changes is examined every second, until Ctrl-C. */
export const onlineMode: CommandMode = {
  flag: 'online',
  options: [
    new Option('--online', 'instead: examine what changes while payments run, every second, until Ctrl-C'),
    new Option('--every <seconds>', 'with --online: from one cycle to the next')
      .argParser(secondsFrom(0.1, 3_600))
      .default(1),
    new Option('--for <seconds>', 'with --online: end after so long').argParser(secondsFrom(0.1, 31_536_000)),
  ],
  async run(databaseUrl, flags, io) {
    const { every, for: length, json, record } = flags as Flags & OnlineFlags;
    if (record === true) {
      io.err('--record cannot be used with --online: a cycle is no pass over everything\n');
      return exitCodes.usage;
    }
    await assertFitDatabase(databaseUrl);
    const doubts = await doubtsOf(databaseUrl);
    for (const doubt of doubts) io.err(`doubt: ${doubt}\n`);
    let violations = 0;
    await watchOnline({
      url: databaseUrl,
      everyMs: every * 1_000,
      ...(length !== undefined && { forMs: length * 1_000 }),
      signal: io.signal ?? new AbortController().signal,
      onEvent(event) {
        if ('found' in event) violations += violationsIn(event.found);
        io.out(`${json === true ? JSON.stringify(onlineJson(event)) : onlineText(event)}\n`);
      },
    });
    if (violations > 0) return exitCodes.violated;
    if (doubts.length === 0) return exitCodes.ok;
    io.err('this is no proof while there is doubt\n');
    return exitCodes.invalid;
  },
};

/** As it was at the start: orders that nobody can judge, a clock that is off. */
async function doubtsOf(databaseUrl: string): Promise<readonly string[]> {
  const connection = await openConnection({ url: databaseUrl, applicationName: 'sagashift-online-verifier' });
  try {
    return (await lookAround(connection)).doubts;
  } finally {
    await connection.close();
  }
}

interface OnlineFlags {
  readonly every: number;
  readonly for?: number;
  readonly json?: boolean;
  readonly record?: boolean;
}

function secondsFrom(least: number, most: number) {
  return (text: string): number => {
    const seconds = Number(text);
    if (/^\d{1,9}(\.\d{1,3})?$/.test(text) && seconds >= least && seconds <= most) return seconds;
    throw new InvalidArgumentError(`takes seconds from ${least} to ${most}`);
  };
}
