import type { Pool } from '../../runtime/database.ts';
import type { Tx } from '../../domain/ports.ts';
import { askSubject, bySubject } from '../check.ts';
import { passSettings } from '../pass-settings.ts';
import type { Invariant } from '../catalogue/invariant.ts';
import { type Breach, breachName } from './ask-keys.ts';

export const inSnapshot = { isolation: 'repeatable read', readOnly: true } as const;

/** Everything that is broken, in one snapshot, in the order of the catalogue; of what is named twice once. */
export const findBreaches = (pool: Pool, asked: readonly Invariant[], signal: AbortSignal): Promise<Breach[]> =>
  pool.transaction((tx) => breachesIn(tx, asked, signal), inSnapshot);

export async function breachesIn(tx: Tx, asked: readonly Invariant[], signal: AbortSignal): Promise<Breach[]> {
  const found = new Map<string, Breach>();
  for (const breach of await askAll(tx, asked, signal)) found.set(breachName(breach), breach);
  const place = (code: string): number => asked.findIndex((invariant) => invariant.code === code);
  return [...found.values()].sort((a, b) => place(a.code) - place(b.code));
}

async function askAll(tx: Tx, asked: readonly Invariant[], signal: AbortSignal): Promise<Breach[]> {
  await tx.query(passSettings());
  const breaches: Breach[] = [];
  for (const [subject, questions] of bySubject(asked)) {
    signal.throwIfAborted();
    for (const { invariant, violators } of await askSubject(tx, subject, questions)) {
      breaches.push(
        ...violators.map(({ id, orderId }) => ({ code: invariant.code, subject: subject.name, id, orderId })),
      );
    }
  }
  return breaches;
}
