import type { Noticed, SelfTestReport, Tried } from './self-test.ts';

/** The self-test as a table for a terminal, and what came of it in words. */
export function selfTestText(report: SelfTestReport): string {
  const { mutants, weakened, falseAlarms, neverFired, withoutMutant, durationMs, passed } = report;
  const caught = mutants.filter((each) => each.caught);
  const refused = mutants.filter(({ refusedBy }) => refusedBy !== undefined).length;
  const survived = mutants.length - caught.length;
  const seconds = (durationMs / 1_000).toFixed(1);
  return [
    ...section('aims at   caught  mutant, and the invariants that fired', mutants.map(triedLine)),
    ...section('made worse  noticed  how, and a mutant that it let pass', weakened.map(noticedLine)),
    ...falseAlarms.map((code) => `FALSE ALARM: ${code} fired although nothing had been broken`),
    ...neverFired.map((code) => `NEVER FIRED: no mutant broke ${code}`),
    ...withoutMutant.map((code) => `WITHOUT MUTANT: none aims at ${code}`),
    `${caught.length} of ${mutants.length} mutants caught, ${refused} of them by a constraint; ${survived} survived`,
    `${weakened.filter(isNoticed).length} of ${weakened.length} worse invariants noticed`,
    `self-test ${passed ? 'passed' : 'FAILED'} in ${seconds} s`,
    '',
  ].join('\n');
}

const section = (head: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [head, ...lines, '']);

const isNoticed = ({ survivors }: Noticed): boolean => survivors.length > 0;

function triedLine({ code, does, fired, refusedBy, caught }: Tried): string {
  const by = refusedBy === undefined ? fired.join(' ') || 'nothing fired' : `refused by ${refusedBy}`;
  return `${code.padEnd(10)}${(caught ? 'yes' : 'NO').padEnd(8)}${does}: ${by}`;
}

const noticedLine = (each: Noticed): string =>
  `${each.code.padEnd(12)}${(isNoticed(each) ? 'yes' : 'NO').padEnd(9)}${each.does}${each.survivors[0] === undefined ? '' : `: ${each.survivors[0]}`}`;
