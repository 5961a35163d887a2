import { Option } from 'commander';
import { type CommandMode, exitCodes } from '../command-mode.ts';
import { selfTest } from './self-test.ts';
import { selfTestText } from './self-test-text.ts';
import { withThrowAway } from './throw-away.ts';
import { buildWorld } from './world.ts';

/** Whether the invariants can be trusted: each is broken on purpose, on a database of its own, and must say so. */
export const selfTestMode: CommandMode = {
  flag: 'selfTest',
  options: [new Option('--self-test', 'break every invariant on a throw-away database: does each of them fire?')],
  withoutDatabase: true,
  async run(databaseUrl, { json }, io) {
    const signal = io.signal ?? new AbortController().signal;
    const report = await withThrowAway(databaseUrl, io.env, {
      fill: (pool) => buildWorld(pool, signal),
      work: (pools) => selfTest(pools, { signal }),
    });
    io.out(json === true ? `${JSON.stringify(report, null, 2)}\n` : selfTestText(report));
    return report.passed ? exitCodes.ok : exitCodes.violated;
  },
};
