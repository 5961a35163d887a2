import { align } from '../terminal/align.ts';
import { type ChaosResult, type FaultResult, figureViolations } from './chaos-result.ts';
import { goalsOf } from './goals.ts';

const seconds = (value: number | null): string => (value === null ? '-' : value.toFixed(1));

/** One line per fault and style, then what has been proven, and what has not. */
export function chaosTable(result: ChaosResult): string {
  const header = [
    'fault',
    'style',
    'open then',
    'replaced s',
    'rate back s',
    'zero open s',
    'p99 s',
    'goal s',
    'violations',
    'verdict',
  ];
  const nothing = header.slice(3).map(() => '-');
  const notRun = result.notRun.map(({ fault, style }) => [fault, style, ...nothing, 'NOT RUN']);
  return align([header, ...result.results.map(rowOf), ...notRun], [0, 1, header.length - 1]);
}

/** One line per goal, whether this run measured it or not. */
export const goalTable = (result: ChaosResult): string =>
  align(
    [
      ['what', 'to reach', 'measured', 'verdict'],
      ...goalsOf(result).map(({ what, goal, measured, verdict }) => [what, goal, measured ?? '-', verdict]),
    ],
    [0, 1, 2, 3],
  );

const rowOf = (row: FaultResult): string[] => [
  row.fault,
  row.style,
  String(row.openAtInjection),
  row.replacedSeconds === 0 ? '-' : seconds(row.replacedSeconds),
  seconds(row.restoredSeconds),
  seconds(row.zeroOpenSeconds),
  seconds(row.p99Seconds),
  String(row.goalSeconds),
  String(row.violations.reduce((sum, { violations }) => sum + violations, 0)),
  verdictOf(row),
];

/** The goals are of a machine with nothing else to do: who misses one has survived all the same. */
function verdictOf({ failures, p99Seconds, goalSeconds }: FaultResult): string {
  if (failures.length > 0) return 'FAILED';
  return (p99Seconds ?? Infinity) <= goalSeconds ? 'survived' : 'survived, goal missed';
}

/** What a person reads below the table. */
export function chaosNotes({ run, results, notRun, score, troubles, figures }: ChaosResult): string[] {
  const payments = results.reduce((sum, one) => sum + one.payments, 0);
  const [askedAgain, paid] = [totalOf(results, 'askedAgain'), totalOf(results, 'turnedOutPaid')];
  const survived = results.filter(({ failures }) => failures.length === 0).length;
  return [
    ...results.flatMap(({ fault, style, failures }) => failures.map((failure) => `${style}, ${fault}: ${failure}`)),
    ...notRun.map(({ fault, style, why }) => `NOT RUN ${style}, ${fault}: ${why}`),
    ...figureViolations(figures),
    ...troubles,
    ...(results.length + notRun.length === 0
      ? []
      : [
          `${survived} of ${results.length} faults survived${notRun.length === 0 ? '' : `, ${notRun.length} not run`}; ${payments} payments at ${run.ratePerSecond}/s, ${askedAgain} not told how they ended at first: ${paid} of them had been paid`,
        ]),
    `${score.examined - score.touched} of ${score.examined} orders consistent: at least ${(score.lowerBound95 * 100).toFixed(3)} % with 95 % confidence`,
    `seed ${run.seed}; again: ${run.command}`,
  ];
}

const totalOf = (results: readonly FaultResult[], key: keyof FaultResult['answers']): number =>
  results.reduce((sum, { answers }) => sum + answers[key], 0);
