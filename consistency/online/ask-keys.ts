import type { Tx } from '../../domain/ports.ts';
import type { Subject } from '../catalogue/invariant.ts';
import { type Answer, askSubject, type Question, type Violator } from '../check.ts';
import type { Known } from './known.ts';
import { allRows, throughWindow, type WindowOf } from './windows.ts';

export interface Asked {
  readonly examined: number;
  /** What is wrong and was not known, by question. */
  readonly found: readonly Found[];
  /** Whether sums that were carried said what all the rows do not bear out. */
  readonly astray: boolean;
  /** What need not be said or looked into again, once this cycle counts. */
  readonly toRemember: readonly string[];
}

export interface Found extends Question {
  readonly violators: readonly Violator[];
}

/**
 * Asks about some keys. What looks wrong through a window is asked again of all the rows, in the same snapshot, and only that
 * answer counts: reading less can make this slower when something is wrong, never cry wolf.
 */
export async function askKeys(
  tx: Tx,
  subject: Subject,
  asked: readonly Question[],
  keys: readonly number[],
  at: WindowOf,
  known: Known,
): Promise<Asked> {
  const all = allRows(subject, keys);
  const seen = throughWindow(subject, keys, at);
  if (seen.subject === subject) {
    const answers = await askSubject(tx, subject, asked, all.scope);
    const found = unknownIn(answers, known);
    return { examined: examinedIn(answers), found, astray: false, toRemember: keysOf(found) };
  }
  const windowed = asked.map(({ invariant, check }) => ({ invariant, check: { ...check, subject: seen.subject } }));
  const glimpsed = await askSubject(tx, seen.subject, windowed, seen.scope);
  const examined = examinedIn(glimpsed);
  const suspected = unknownIn(glimpsed, known, glimpse);
  if (suspected.length === 0) return { examined, found: [], astray: false, toRemember: [] };
  const answers = await askSubject(tx, subject, asked, all.scope);
  if (answers.every(({ violations }) => violations === 0)) return { examined, found: [], astray: true, toRemember: [] };
  const found = unknownIn(answers, known);
  return { examined, found, astray: false, toRemember: [...keysOf(suspected, glimpse), ...keysOf(found)] };
}

const glimpse = 'through a window';
const examinedIn = (answers: readonly Answer[]): number =>
  answers.reduce((most, { examined }) => Math.max(most, examined), 0);

const keyOf = ({ invariant, check }: Question, { id }: Violator, how: string): string =>
  `${how} ${invariant.code} ${check.subject.name} ${id}`;

const unknownIn = (answers: readonly Answer[], known: Known, how = ''): Found[] =>
  answers
    .map(({ invariant, check, violators }) => ({
      invariant,
      check,
      violators: violators.filter((violator) => !known.has(keyOf({ invariant, check }, violator, how))),
    }))
    .filter(({ violators }) => violators.length > 0);

const keysOf = (found: readonly Found[], how = ''): string[] =>
  found.flatMap((question) => question.violators.map((violator) => keyOf(question, violator, how)));
