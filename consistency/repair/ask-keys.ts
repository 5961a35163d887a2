import type { Tx } from '../../domain/ports.ts';
import type { Invariant, SubjectKey } from '../catalogue/invariant.ts';
import { askSubject, bySubject } from '../check.ts';
import { among, everything } from '../scope.ts';
import type { Keys } from './target.ts';

/** A row that breaks an invariant. */
export interface Breach {
  readonly code: string;
  /** What `id` is an id of. */
  readonly subject: string;
  readonly id: string;
  readonly orderId: number | null;
}

export const breachName = ({ code, subject, id }: Breach): string => `${code} ${subject} ${id}`;

/** What is broken among the rows of these keys. */
export async function askKeys(tx: Tx, invariants: readonly Invariant[], keys: Keys): Promise<Breach[]> {
  const breaches: Breach[] = [];
  for (const [subject, questions] of bySubject(invariants)) {
    const ids = keys[subject.key] ?? [];
    if (ids.length === 0) continue;
    for (const { invariant, violators } of await askSubject(tx, subject, questions, among(ids))) {
      breaches.push(
        ...violators.map(({ id, orderId }) => ({ code: invariant.code, subject: subject.name, id, orderId })),
      );
    }
  }
  return breaches;
}

/** Whether a row still breaks its invariant. Without a key to look it up by, everything is asked. */
export async function isBroken(tx: Tx, catalogue: readonly Invariant[], breach: Breach): Promise<boolean> {
  const own = catalogue.filter(({ code }) => code === breach.code);
  for (const [subject, questions] of bySubject(own)) {
    if (subject.name !== breach.subject) continue;
    const key = await keyOf(tx, subject.key, breach);
    const answers = await askSubject(tx, subject, questions, key === null ? everything : among([key]));
    return answers.some(({ violators }) => violators.some(({ id }) => id === breach.id));
  }
  return false;
}

/** Rows are named by ids of their own; a ledger is looked up by its user, and what belongs to an order by that. */
async function keyOf(tx: Tx, key: SubjectKey, { subject, id, orderId }: Breach): Promise<number | null> {
  if (key === 'whole') return null;
  if (key === 'order') return orderId;
  if (subject !== 'balance ledger entry') return Number(id);
  const [entry] = await tx.query<{ user_id: number }>('select user_id from balance_ledger where id = $1', [id]);
  return entry?.user_id ?? null;
}
