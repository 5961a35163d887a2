import type { Tx } from '../domain/ports.ts';
import type { Check, Invariant, Subject } from './catalogue/invariant.ts';

/** What one invariant was found to be, over all its checks. */
export interface Finding {
  readonly code: string;
  readonly class: Invariant['class'];
  readonly severity: Invariant['severity'];
  readonly sentence: string;
  /** Rows that were looked at, so that nothing wrong among nothing does not pass for proof. */
  readonly examined: number;
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

/** Counts for all questions in one pass over the subject; a second pass per broken one names who broke it. */
export async function askSubject(tx: Tx, subject: Subject, questions: readonly Question[]): Promise<Answer[]> {
  const [counts] = await tx.query<Record<string, number>>(countingSql(subject, questions));
  const answers: Answer[] = [];
  for (const [i, question] of questions.entries()) {
    const violations = counts?.[`violations_${i}`] ?? 0;
    const violators = violations > 0 ? await tx.query<Violator>(violatorsSql(question.check)) : [];
    answers.push({ ...question, examined: counts?.[`examined_${i}`] ?? 0, violations, violators });
  }
  return answers;
}

const applies = (check: Check): string => `(${check.applies ?? 'true'})`;
const violates = (check: Check): string => `${applies(check)} and (${check.wrong}) is not false`;

export function countingSql(subject: Subject, questions: readonly Question[]): string {
  const columns = questions.map(
    ({ check }, i) => `count(*) filter (where ${applies(check)}) as examined_${i},
    count(*) filter (where ${violates(check)}) as violations_${i}`,
  );
  return `select ${columns.join(',\n    ')}\n  from (${subject.sql}) subject`;
}

/** More would not change what anybody does next, and a report must not grow with the damage. */
const violatorsLimit = 100_000;

export const violatorsSql = (check: Check): string =>
  `select id::text as id, order_id as "orderId" from (${check.subject.sql}) subject where ${violates(check)} order by subject.id limit ${violatorsLimit}`;

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
    violations: own.reduce((sum, { violations }) => sum + violations, 0),
    sample: own
      .flatMap(({ check, violators }) => violators.slice(0, sampleSize).map(({ id }) => `${check.subject.name} ${id}`))
      .slice(0, sampleSize),
  };
}

/**
 * What violations touch: their order, or the row itself where it belongs to no order. Class Q is not counted: work that
 * is late is not an order that is wrong.
 */
export function touchedBy(answers: readonly Answer[]): Set<string> {
  const touched = new Set<string>();
  for (const { check, violators } of answers.filter(({ invariant }) => invariant.class !== 'Q')) {
    for (const { id, orderId } of violators)
      touched.add(orderId === null ? `${check.subject.name} ${id}` : `order ${orderId}`);
  }
  return touched;
}
