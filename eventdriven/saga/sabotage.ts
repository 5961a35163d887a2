import { readFile } from 'node:fs/promises';

import type { Config, Sabotage } from '../../runtime/config.ts';
import { openConnection } from '../../runtime/database.ts';

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** One safety mechanism taken out of a SQL function. The pattern must be there, or the edit would test nothing. */
const edits: Partial<Readonly<Record<Sabotage, Edit>>> = {
  'refund-without-ledger': {
    file: '../../domain/balance/deduct-balance.sql',
    from: "select user_id, order_id, 'REFUND', due, after, version from back order by n",
    to: "select user_id, order_id, 'REFUND', due, after, version from back where false order by n",
  },
  'receipts-off': {
    file: './run-boundary.sql',
    from: "select coalesce(array_agg(r.saga_id), '{}') into fresh from receipt r;",
    to: "select coalesce(array_agg(f.saga_id), '{}') into fresh from unnest(mine) f where f.code is null;",
  },
};

/**
 * Switches one mechanism off in the database, to prove that the verifier sees it. Only in a throw-away database of ours
 * (purpose bench or test): throws elsewhere, before anything is changed.
 */
export async function installSabotage({ sabotage, databaseUrl }: Config): Promise<void> {
  const edit = sabotage && edits[sabotage];
  if (edit === undefined) return;
  const sql = await readFile(new URL(edit.file, import.meta.url), 'utf8');
  if (!sql.includes(edit.from))
    throw new Error(`sabotage ${sabotage}: the mechanism is not where it was in ${edit.file}`);
  const db = await openConnection({ url: databaseUrl, timeoutMs: 10_000 });
  try {
    const rows = await db.query<{ purpose: string }>('select purpose from sagashift_database');
    if (!/^(bench|test)/.test(rows[0]?.purpose ?? '')) {
      throw new Error(`sabotage ${sabotage} is refused: this database is not a throw-away one (purpose bench or test)`);
    }
    await db.query(sql.replace(edit.from, edit.to));
  } finally {
    await db.close();
  }
}
