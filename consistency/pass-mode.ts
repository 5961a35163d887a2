import { Option } from 'commander';
import { defaultPatienceSeconds } from './catalogue/saga.ts';
import { type CommandMode, exitCodes } from './command-mode.ts';
import { progressOn } from './progress.ts';
import { reportText } from './report-text.ts';
import { verdictOn } from './verdict.ts';
import { type Mode, verify } from './verifier.ts';

export const modeOption = new Option('--mode <mode>', 'live: payments may be in work; drained: nothing may be open')
  .choices(['live', 'drained'])
  .default('live');

/** One pass over everything, in one snapshot: what is done when nothing else is asked for. */
export const passMode: CommandMode = {
  options: [
    modeOption,
    new Option('--patience <seconds>', 'a saga may be open for so long after its deadline')
      .default(defaultPatienceSeconds)
      .argParser(Number),
  ],
  async run(databaseUrl, flags, io) {
    const { mode, patience, json, record } = flags as {
      readonly mode: Mode;
      readonly patience: number;
      readonly json?: boolean;
      readonly record?: boolean;
    };
    if (!Number.isInteger(patience) || patience < 0 || patience > mostPatience) {
      io.err(`--patience: whole seconds from 0 to ${mostPatience}, as --patience 300\n`);
      return exitCodes.usage;
    }
    const progress = progressOn(io);
    const report = await verify(databaseUrl, {
      mode,
      record: record === true,
      patienceSeconds: patience,
      onProgress: progress.show,
      ...(io.signal && { signal: io.signal }),
    }).finally(progress.clear);
    io.out(json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    return verdictOn(report, 'the database holds no orders', io);
  },
};

const mostPatience = 1_000_000;
