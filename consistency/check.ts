import type { Tx } from '../domain/ports.ts';
import type { Check, Invariant, Subject } from './catalogue/invariant.ts';
import { everything, type Scope } from './scope.ts';

/** What one invariant was found to be, over all its checks. */
export interface Finding {
  readonly code: string;
  readonly class: Invariant['class'];
  readonly severity: Invariant['severity'];
  readonly sentence: string;
  /** Rows that were looked at, so that nothing wrong among nothing does not pass for proof. */
  readonly examined: number;
  /** Those of them that belong to an order of an engine, by engine. */
  readonly examinedBy?: Readonly<Record<string, number>>;
  readonly violations: number;
  /** Up to five ids, each with the name of what it is an id of. */
  readonly sample: readonly string[];
}

/** A check with the invariant it belongs to, to be answered together with the others on its subject. */
export interface Question {
  readonly invariant: Invariant;
  readonly check: Check;
}

export interface Answer extends Question {
  readonly examined: number;
  readonly examinedBy: Readonly<Record<string, number>>;
  readonly violations: number;
  readonly violators: readonly Violator[];
}

export interface Violator {
  readonly id: string;
  readonly orderId: number | null;
}

/** Questions by subject, so that each subject is joined and folded once. */
export function bySubject(invariants: readonly Invariant[]): Map<Subject, Question[]> {
  const questions = new Map<Subject, Question[]>();
  for (const invariant of invariants) {
    for (const check of invariant.checks) {
      questions.set(check.subject, [...(questions.get(check.subject) ?? []), { invariant, check }]);
    }
  }
  return questions;
}

/** Counts by engine for all questions in one pass over the subject; a second pass per broken one names who broke it. */
export async function askSubject(
  tx: Tx,
  subject: Subject,
  questions: readonly Question[],
  scope: Scope = everything,
): Promise<Answer[]> {
  const counts = await tx.query<Counts>(countingSql(subject, questions, scope), scope.values);
  const answers: Answer[] = [];
  const looks = looksOf(questions);
  for (const [i, question] of questions.entries()) {
    const examined = `examined_${looks.indexOf(applies(question.check))}`;
    const sum = (column: string): number => counts.reduce((total, row) => total + Number(row[column]), 0);
    const violations = sum(`violations_${i}`);
    const violators = violations > 0 ? await tx.query<Violator>(violatorsSql(question.check, scope), scope.values) : [];
    const examinedBy = Object.fromEntries(
      counts.flatMap((row) => (row.engine === null ? [] : [[row.engine, Number(row[examined])]])),
    );
    answers.push({ ...question, examined: sum(examined), examinedBy, violations, violators });
  }
  return answers;
}

type Counts = Readonly<Record<string, number | string | null>> & { readonly engine: string | null };

const all = '(true)';
const applies = (check: Check): string => (check.applies === undefined ? all : `(${check.applies})`);
/** SQL condition on the subject's columns: the row violates. */
export const violates = (check: Check): string => `${applies(check)} and (${check.wrong}) is not false`;

/** Of several checks that look at the same rows those are counted once: each count costs its condition for every row. */
export function countingSql(subject: Subject, questions: readonly Question[], scope: Scope): string {
  const looks = looksOf(questions);
  const examined = looks.map((look, i) => `count(*)${look === all ? '' : ` filter (where ${look})`} as examined_${i}`);
  const violations = questions.map(({ check }, i) => `count(*) filter (where ${violates(check)}) as violations_${i}`);
  const counts = [...examined, ...violations].join(',\n    ');
  return `select engine, ${counts}\n  from (${subject.sql(scope.within)}) subject group by engine`;
}

const looksOf = (questions: readonly Question[]): string[] => [
  ...new Set(questions.map(({ check }) => applies(check))),
];

/** More would not change what anybody does next, and a report must not grow with the damage. */
const violatorsLimit = 100_000;

export const violatorsSql = (check: Check, scope: Scope): string =>
  `select id::text as id, order_id as "orderId" from (${check.subject.sql(scope.within)}) subject where ${violates(check)} order by subject.id limit ${violatorsLimit}`;

const sampleSize = 5;

export function findingOf(invariant: Invariant, answers: readonly Answer[]): Finding {
  const own = answers.filter((answer) => answer.invariant === invariant);
  const { code, severity, sentence } = invariant;
  return {
    code,
    class: invariant.class,
    severity,
    sentence,
    examined: own.reduce((sum, { examined }) => sum + examined, 0),
    examinedBy: sumsOf(own.map(({ examinedBy }) => examinedBy)),
    violations: own.reduce((sum, { violations }) => sum + violations, 0),
    sample: own
      .flatMap(({ check, violators }) => violators.slice(0, sampleSize).map(({ id }) => `${check.subject.name} ${id}`))
      .slice(0, sampleSize),
  };
}

function sumsOf(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [key, count] of counts.flatMap((each) => Object.entries(each))) sums[key] = (sums[key] ?? 0) + count;
  return sums;
}

const late: readonly Invariant['class'][] = ['L', 'Q'];

/**
 * What violations touch: their order, or the row itself where it belongs to no order. Classes L and Q are not counted: work that
 * is late is not an order that is wrong.
 */
export function touchedBy(answers: readonly Answer[]): Set<string> {
  const touched = new Set<string>();
  for (const { check, violators } of answers.filter(({ invariant }) => !late.includes(invariant.class))) {
    for (const { id, orderId } of violators)
      touched.add(orderId === null ? `${check.subject.name} ${id}` : `order ${orderId}`);
  }
  return touched;
}
