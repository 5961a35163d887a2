import { findingLines, findingsHeader } from '../report-text.ts';
import type { NightlyReport } from './report.ts';
import { courseSentence, sinceSentence, verdictOf, verdictSentence } from './wording.ts';

/** For a terminal, or for the mail that cron sends: the verdict first, then only what is broken. */
export function nightlyText(report: NightlyReport): string {
  const broken = report.perInvariant.filter(({ violations }) => violations > 0);
  const lines = [
    verdictSentence(report),
    ...(broken.length > 0 ? ['', findingsHeader] : []),
    ...broken.flatMap((finding) => [
      ...findingLines(finding),
      `${' '.repeat(29)}  ${sinceSentence(finding.since ?? report.startedAt, report.history)}`,
    ]),
    ...(verdictOf(report) === 'broken' ? report.doubts.map((doubt) => `doubt: ${doubt}`) : []),
    '',
    `run ${report.runId}: ${courseSentence(report)}`,
  ];
  return `${lines.join('\n')}\n`;
}
