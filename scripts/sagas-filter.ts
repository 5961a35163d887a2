import { type Command, InvalidArgumentError, Option } from 'commander';
import { type SagaFilter, type SagaSelection, sagaSelections } from '../eventdriven/index.ts';
import { ageFrom, limitFrom, maxLimit } from './operator-arguments.ts';

export interface FilterFlags {
  readonly status?: SagaSelection;
  readonly olderThan?: number;
  readonly step?: string;
  readonly error?: string;
  readonly style?: string;
  readonly version?: number;
  readonly limit: number;
}

export const filtered = (command: Command): Command =>
  command
    .addOption(new Option('--status <status>', 'only these; unsettled: open or given up').choices(sagaSelections))
    .option('--older-than <age>', 'accepted longer ago than this, e.g. 30s, 15m, 2h, 7d', ageFrom)
    .option('--step <boundary>', 'whose last boundary is this, e.g. deductBalance; accepted: none yet')
    .option('--error <text>', 'whose last error contains this')
    .addOption(new Option('--style <style>', 'run by this').choices(['orchestration', 'choreography']))
    .option('--version <n>', 'of this version of its definition', versionFrom)
    .option('--limit <n>', `at most so many, up to ${maxLimit}`, limitFrom, 100);

/** `status` is what is meant when none is named. */
export const filterOf = (flags: FilterFlags, status: SagaSelection): SagaFilter => ({
  status: flags.status ?? status,
  olderThanMs: flags.olderThan,
  step: flags.step,
  error: flags.error,
  style: flags.style,
  version: flags.version,
  limit: flags.limit,
});

export const isFiltered = ({ status, olderThan, step, error, style, version }: FilterFlags): boolean =>
  [status, olderThan, step, error, style, version].some((value) => value !== undefined);

function versionFrom(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a version is a whole number from 1');
}
