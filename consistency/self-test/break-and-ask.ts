import type { Tx } from '../../domain/ports.ts';
import { type Pool, sqlState } from '../../runtime/database.ts';
import type { Invariant } from '../catalogue/invariant.ts';
import { type Answer, askSubject, bySubject, findingOf } from '../check.ts';

export interface Broken {
  readonly broken: readonly Invariant[];
  /** The constraint, where the database would not have it. */
  readonly refusedBy?: string;
}

class RolledBack extends Error {}

/** Which of the asked invariants are broken after the statements, which leave nothing behind. */
export async function breakAndAsk(pool: Pool, sql: string, asked: readonly Invariant[]): Promise<Broken> {
  let seen: Broken = { broken: [] };
  try {
    await pool.transaction(async (tx) => {
      const refusedBy = await refusalOf(tx, sql);
      seen = refusedBy === undefined ? { broken: await brokenIn(tx, asked) } : { broken: [], refusedBy };
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
  }
  return seen;
}

/** The constraint that would not have it: class 23. Any other fault is a mutant that is no SQL, and is thrown. */
async function refusalOf(tx: Tx, sql: string): Promise<string | undefined> {
  try {
    await tx.query(sql);
    return undefined;
  } catch (error) {
    if (sqlState(error)?.startsWith('23') !== true) throw error;
    return (error as { readonly constraint?: string }).constraint ?? 'a constraint';
  }
}

export async function brokenIn(tx: Tx, asked: readonly Invariant[]): Promise<Invariant[]> {
  const answers: Answer[] = [];
  for (const [subject, questions] of bySubject(asked)) answers.push(...(await askSubject(tx, subject, questions)));
  return asked.filter((invariant) => findingOf(invariant, answers).violations > 0);
}
