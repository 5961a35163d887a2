import type { NightlyReport, PastNight } from './report.ts';

export const number = (value: number): string => value.toLocaleString('en-US');
const counted = (n: number, what: string): string => `${number(n)} ${what}${n === 1 ? '' : 's'}`;
export const minute = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
export const day = (iso: string): string => iso.slice(0, 10);
export const seconds = (ms: number): string =>
  ms < 90_000
    ? `${(ms / 1_000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;

/** Rounded down: a bound that is rounded up is none. */
export const proven = (share: number): string => `${(Math.floor(share * 1e6) / 1e4).toFixed(4)} %`;

export type Verdict = 'in order' | 'broken' | 'in doubt' | 'nothing examined';

export function verdictOf({
  violations,
  doubts,
  score,
}: Pick<NightlyReport, 'violations' | 'doubts' | 'score'>): Verdict {
  if (violations > 0) return 'broken';
  if (score.examined === 0) return 'nothing examined';
  return doubts.length > 0 ? 'in doubt' : 'in order';
}

/** The night in one sentence. */
export function verdictSentence(report: NightlyReport): string {
  const { examined, lowerBound95 } = report.score;
  const broken = report.perInvariant.filter(({ violations }) => violations > 0);
  switch (verdictOf(report)) {
    case 'in order':
      return `The books are in order: ${number(examined)} orders examined, at least ${proven(lowerBound95)} proven.`;
    case 'in doubt':
      return `Nothing wrong was found among ${counted(examined, 'order')}, but this is no proof: ${report.doubts.join('; ')}.`;
    case 'nothing examined':
      return 'Nothing was examined: no engine has worked on an order yet, so nothing is proven.';
    case 'broken':
      return `The books are not in order: ${broken.map(({ code }) => code).join(', ')} ${broken.length === 1 ? 'is' : 'are'} broken, ${counted(report.violations, 'violation')} among ${counted(examined, 'order')}.`;
  }
}

/** Since which night, as far as nights are remembered. */
export const sinceSentence = (since: string, history: readonly PastNight[]): string => {
  const first = history[0];
  if (history.length === 1) return 'found in the first night on record';
  if (first !== undefined && since <= first.startedAt) return `broken since ${day(since)} or before`;
  return history.at(-1)?.startedAt === since ? 'new tonight' : `broken since the night of ${day(since)}`;
};

/** How the run came about: whoever reads a verdict should know that it is not of one moment. */
export function courseSentence({
  parts,
  snapshots,
  resumptions,
  resumedAt,
  startedAt,
  finishedAt,
  durationMs,
}: NightlyReport): string {
  const resumed =
    resumptions === 0 || resumedAt === null
      ? ''
      : ` It was resumed ${resumptions === 1 ? 'once' : `${resumptions} times`}, last at ${minute(resumedAt)}; no part was asked twice.`;
  return `${parts.length} parts in ${snapshots} snapshots from ${minute(startedAt)} to ${minute(finishedAt)}, ${seconds(durationMs)} at work.${resumed}`;
}
