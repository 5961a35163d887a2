import { history } from './catalogue/engine-names.ts';
import type { Finding } from './check.ts';
import { gapSentence } from './gaps.ts';
import type { VerificationReport } from './verifier.ts';

/** The report as a table for a terminal: every invariant with what was looked at, the broken ones with ids. */
export function reportText(report: VerificationReport): string {
  const lines = [
    findingsHeader,
    ...report.perInvariant.flatMap(findingLines),
    '',
    ...examinedLines(report),
    `orders by engine: ${
      Object.entries(report.checked)
        .map(([engine, orders]) => `${engine} ${number(orders)}`)
        .join(', ') || 'none'
    }`,
    ...openLines(report),
    ...report.unexamined.map((engine) => `examined nothing of ${engine}`),
    ...(report.gaps ?? []).map(gapSentence),
    ...(report.doubts ?? []).map((doubt) => `doubt: ${doubt}`),
    ...scoreLines(report),
    `${report.mode}, ${report.perInvariant.length} invariants, ${(report.durationMs / 1000).toFixed(1)} s`,
  ];
  return `${lines.join('\n')}\n`;
}

/** A line for each engine: how many of its rows which invariants looked at, those of one number together. */
function examinedLines({ checked, perInvariant }: VerificationReport): string[] {
  const engines = Object.keys(checked).filter((engine) => engine !== history);
  if (engines.length === 0) return [];
  const width = Math.max(...engines.map((engine) => engine.length));
  return [
    'rows examined by engine',
    ...engines.map((engine) => `  ${engine.padEnd(width)}  ${byNumber(perInvariant, engine)}`),
  ];
}

function byNumber(findings: readonly Finding[], engine: string): string {
  const codes = new Map<number, string[]>();
  for (const { code, examinedBy } of findings) {
    const examined = examinedBy?.[engine];
    if (examined !== undefined && examined > 0) codes.set(examined, [...(codes.get(examined) ?? []), code]);
  }
  return [...codes]
    .sort(([a], [b]) => b - a)
    .map(([examined, of]) => `${number(examined)} ${of.join(' ')}`)
    .join(' · ');
}

function openLines({ open }: VerificationReport): string[] {
  if (open === undefined || open.sagas === 0) return [];
  const wanting = open.attention > 0 ? `, ${number(open.attention)} of them want a person’s attention` : '';
  return [`${number(open.sagas)} sagas in work, the oldest for ${Math.round(open.oldestSeconds)} s${wanting}`];
}

const number = (value: number): string => value.toLocaleString('en-US');

export const findingsHeader = `${'code'.padEnd(5)}${'examined'.padStart(10)}${'violations'.padStart(12)}  invariant`;

export const findingLines = ({ code, examined, violations, sentence, sample }: Finding): string[] => [
  `${code.padEnd(5)}${number(examined).padStart(10)}${number(violations).padStart(12)}  ${sentence}`,
  ...(violations > 0 ? [`${' '.repeat(29)}! ${sample.join(', ')}${violations > sample.length ? ', ..' : ''}`] : []),
];

/** Of orders, never of rows: what belongs to no order counts as one of its own. */
function scoreLines({ score, violations }: VerificationReport): string[] {
  const { touched, examined, lowerBound95 } = score;
  if (examined === 0)
    return [
      violations === 0 ? 'no violation; no engine has worked on an order yet' : `${number(violations)} violations`,
    ];
  const proven = `at least ${percentOf(lowerBound95)} % of orders proven consistent`;
  const how = touched === 0 ? '0 of n proves at least 1 - 3/n' : 'Clopper and Pearson’s bound';
  return [
    `${number(touched)} of ${number(examined)} orders touched by a violation: ${proven} (one-sided, 95 % confidence; ${how})`,
  ];
}

/** Rounded down: what is proven of a million orders is not 100 %. */
const percentOf = (share: number): string => (Math.floor(share * 1e6) / 1e4).toFixed(4);
