import { Option } from 'commander';
import { type CommandMode, exitCodes } from '../command-mode.ts';
import { passMode } from '../pass-mode.ts';
import { reportText } from '../report-text.ts';
import { verdictOn } from '../verdict.ts';
import type { Mode } from '../verifier.ts';
import { domainsApart, urlName } from '../../runtime/domain-urls.ts';
import { verifyApart } from './verify-apart.ts';

/** What is done instead of the plain pass where a domain has a database of its own. */
export const apartMode: CommandMode = {
  options: [
    ...passMode.options.filter(({ long }) => long === '--mode'),
    new Option(
      '--settle <seconds>',
      'with DATABASE_URL_ORDER|BALANCE|PRODUCT|PAYMENT|SAGA: read the other databases so long after that of the orders',
    )
      .default(5)
      .argParser(Number),
  ],
  wanted: (env) => domainsApart(env).length > 0,
  async run(databaseUrl, flags, io) {
    const { mode, settle, json, record } = flags as { mode: Mode; settle: number; json?: boolean; record?: boolean };
    const apart = domainsApart(io.env).map(urlName).join(', ');
    const wrong =
      wrongSettle(settle) ?? (record === true ? `--record needs one database, and ${apart} is set` : undefined);
    if (wrong !== undefined) {
      io.err(`${wrong}\n`);
      return exitCodes.usage;
    }
    const report = await verifyApart(databaseUrl, io.env, {
      mode,
      settleMs: settle * 1_000,
      ...(io.signal && { signal: io.signal }),
    });
    io.out(
      json === true
        ? `${JSON.stringify(report, null, 2)}\n`
        : `${reportText(report)}${report.databases} databases (${apart}), which have no snapshot in common: what is said of an order is said of final orders only\n`,
    );
    return verdictOn(report, 'no order is final', io);
  },
};

const wrongSettle = (seconds: number): string | undefined =>
  Number.isFinite(seconds) && seconds >= 0 && seconds <= 600
    ? undefined
    : '--settle: seconds from 0 to 600, as --settle 5';

/** A mode that would look at one database of several, and call that everything. */
export function refuseApart(mode: CommandMode, env: NodeJS.ProcessEnv): string | undefined {
  const apart = domainsApart(env).map(urlName);
  if (apart.length === 0 || mode === apartMode || mode.withoutDatabase === true) return undefined;
  const flag = mode.options.find((option) => option.attributeName() === mode.flag)?.long ?? 'this';
  return `${flag} looks at one database, and ${apart.join(', ')} is set: only the plain pass compares databases`;
}
