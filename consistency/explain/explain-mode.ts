import { Option } from 'commander';
import { type CommandMode, exitCodes } from '../command-mode.ts';
import { invariants } from '../invariants.ts';
import { explain } from './explain.ts';
import { explanationsPage, explanationText, listText } from './explain-text.ts';

/** What an invariant says, the SQL that finds what violates it, and what to do: without a database. */
export const explainMode: CommandMode = {
  flag: 'explain',
  options: [
    new Option(
      '--explain [code]',
      'say what an invariant means, its SQL and what to do, as --explain B1; without a code list them; `all` prints docs/consistency-sql.md',
    ),
  ],
  withoutDatabase: true,
  run(_databaseUrl, flags, io) {
    const { explain: code, json } = flags as { readonly explain: string | true; readonly json?: boolean };
    const all = invariants.map(explain);
    const one = all.find((each) => each.code === String(code).toUpperCase());
    if (code !== true && code !== 'all' && one === undefined) {
      io.err(`there is no invariant '${code}': ${all.map((each) => each.code).join(', ')}, or all\n`);
      return Promise.resolve(exitCodes.usage);
    }
    if (json === true) io.out(`${JSON.stringify(one ?? all, null, 2)}\n`);
    else io.out(one !== undefined ? explanationText(one) : code === 'all' ? explanationsPage(all) : listText(all));
    return Promise.resolve(exitCodes.ok);
  },
};
