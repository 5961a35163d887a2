import type { Finding } from './check.ts';
import type { VerificationReport } from './verifier.ts';

/** The report as a table for a terminal: every invariant with what was looked at, the broken ones with ids. */
export function reportText(report: VerificationReport): string {
  const lines = [
    findingsHeader,
    ...report.perInvariant.flatMap(findingLines),
    '',
    `orders by engine: ${
      Object.entries(report.checked)
        .map(([engine, orders]) => `${engine} ${number(orders)}`)
        .join(', ') || 'none'
    }`,
    ...report.unexamined.map((engine) => `examined nothing of ${engine}`),
    scoreLine(report),
    `${report.mode}, ${report.perInvariant.length} invariants, ${(report.durationMs / 1000).toFixed(1)} s`,
  ];
  return `${lines.join('\n')}\n`;
}

const number = (value: number): string => value.toLocaleString('en-US');

export const findingsHeader = `${'code'.padEnd(5)}${'examined'.padStart(10)}${'violations'.padStart(12)}  invariant`;

export const findingLines = ({ code, examined, violations, sentence, sample }: Finding): string[] => [
  `${code.padEnd(5)}${number(examined).padStart(10)}${number(violations).padStart(12)}  ${sentence}`,
  ...(violations > 0 ? [`${' '.repeat(29)}! ${sample.join(', ')}${violations > sample.length ? ', ..' : ''}`] : []),
];

function scoreLine({ score, violations }: VerificationReport): string {
  if (score.examined === 0)
    return violations === 0 ? 'no violation; no engine has worked on an order yet' : `${number(violations)} violations`;
  const proven = `at least ${(score.lowerBound95 * 100).toFixed(3)} % of orders proven consistent (95 % confidence)`;
  return `${number(score.touched)} of ${number(score.examined)} orders touched by a violation: ${proven}`;
}
