import { findingLines, findingsHeader } from '../report-text.ts';
import type { ClientLogReport } from './verify-client-log.ts';

/** The report as a table for a terminal. */
export function clientLogText({ requests, perInvariant, unknown }: ClientLogReport): string {
  return [
    findingsHeader,
    ...perInvariant.flatMap(findingLines),
    '',
    unknownLine(unknown),
    ...perInvariant
      .filter(({ examined }) => examined === 0)
      .map(({ code }) => `${code}: nothing to examine in this log`),
    `${requests.toLocaleString('en-US')} requests`,
    '',
  ].join('\n');
}

/** What became of those who were not told. */
function unknownLine({ paid, refused, untouched, open }: ClientLogReport['unknown']): string {
  const all = paid + refused + untouched + open;
  if (all === 0) return 'every request got a final answer';
  return `of ${all} orders with a request that got no final answer ${paid} are paid (${((100 * paid) / all).toFixed(1)} %), ${refused} refused, ${untouched} without effect, ${open} open`;
}
