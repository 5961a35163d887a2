import { readFile } from 'node:fs/promises';

import type { Config } from '../../runtime/config.ts';
import type { Sabotage } from '../../runtime/injected-fault.ts';
import { openConnection } from '../../runtime/database.ts';

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const fence = 'and s.epoch = epochs[array_position(asking, s.saga_id)] and s.status';
const owned = 'and (worker is null or s.owner is null or s.owner = worker)';
const unfenced = (file: string): Edit[] => [
  { file, from: fence, to: 'and s.status' },
  { file, from: owned, to: '' },
];

/** One safety mechanism taken out of SQL functions. The patterns must be there, or the edit would test nothing. */
const edits: Partial<Readonly<Record<Sabotage, readonly Edit[]>>> = {
  'refund-without-ledger': [
    {
      file: '../../domain/balance/deduct-balance.sql',
      from: "select user_id, order_id, 'REFUND', due, after, version from back order by n",
      to: "select user_id, order_id, 'REFUND', due, after, version from back where false order by n",
    },
  ],
  'receipts-off': [
    {
      file: './run-boundary.sql',
      from: "select coalesce(array_agg(r.saga_id), '{}') into fresh from receipt r;",
      to: "select coalesce(array_agg(f.saga_id), '{}') into fresh from unnest(mine) f where f.code is null;",
    },
  ],
  'epoch-off': [...unfenced('./run-boundary.sql'), ...unfenced('./undo-boundary.sql')],
};

/**
 * Switches one mechanism off in the database, to prove that the verifier sees it. Only in a throw-away database of ours
 * (purpose bench or test): throws elsewhere, before anything is changed.
 */
export async function installSabotage({ sabotage, databaseUrl }: Config): Promise<void> {
  const wanted = sabotage && edits[sabotage];
  if (wanted === undefined) return;
  const texts = new Map<string, string>();
  for (const { file, from, to } of wanted) {
    const sql = texts.get(file) ?? (await readFile(new URL(file, import.meta.url), 'utf8'));
    if (!sql.includes(from)) throw new Error(`sabotage ${sabotage}: the mechanism is not where it was in ${file}`);
    texts.set(
      file,
      sql.replace(from, () => to),
    );
  }
  await runThrowaway(databaseUrl, sabotage, [...texts.values()]);
}

async function runThrowaway(url: string, sabotage: Sabotage | undefined, texts: readonly string[]): Promise<void> {
  const db = await openConnection({ url, timeoutMs: 10_000 });
  try {
    const rows = await db.query<{ purpose: string }>('select purpose from sagashift_database');
    if (!/^(bench|test)/.test(rows[0]?.purpose ?? '')) {
      throw new Error(`sabotage ${sabotage} is refused: this database is not a throw-away one (purpose bench or test)`);
    }
    for (const text of texts) await db.query(text);
  } finally {
    await db.close();
  }
}
