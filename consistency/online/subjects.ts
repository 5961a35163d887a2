import { bySubject, type Question } from '../check.ts';
import type { Subject } from '../catalogue/invariant.ts';
import { invariants } from '../invariants.ts';

/** What can be asked while payments are in work. */
export const questions: ReadonlyMap<Subject, readonly Question[]> = bySubject(
  invariants.filter((invariant) => invariant.class !== 'Q'),
);

export function subjectNamed(name: string): Subject {
  const found = [...questions.keys()].find((subject) => subject.name === name);
  if (found === undefined) throw new RangeError(`the catalogue has no subject '${name}'`);
  return found;
}
