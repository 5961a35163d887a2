import type { Tx } from '../../domain/ports.ts';
import type { Pool } from '../../runtime/database.ts';

class RolledBack extends Error {}

/** What the work finds in a transaction that leaves nothing behind. */
export async function rolledBack<T>(db: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  let result: { readonly value: T } | undefined;
  const done = db.transaction(async (tx) => {
    result = { value: await work(tx) };
    throw new RolledBack();
  });
  await done.catch((error: unknown) => {
    if (!(error instanceof RolledBack)) throw error;
  });
  if (result === undefined) throw new Error('the transaction was never begun');
  return result.value;
}
