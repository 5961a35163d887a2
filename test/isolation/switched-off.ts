import { readFile } from 'node:fs/promises';
import type { Tx } from '../../domain/ports.ts';

/** One place of an SQL file of ours, as it is and as it would be without the countermeasure. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Takes countermeasures out of the functions of a test's own database. Throws when a pattern is not there exactly once: an edit
 * that changes nothing proves nothing.
 */
export async function switchOff(tx: Tx, edits: readonly Edit[]): Promise<void> {
  for (const file of new Set(edits.map((edit) => edit.file))) {
    let sql = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
    for (const { from, to } of edits.filter((edit) => edit.file === file)) {
      if (sql.split(from).length !== 2) throw new Error(`'${from}' is not there once in ${file}`);
      sql = sql.replace(from, () => to);
    }
    await tx.query(sql);
  }
}

/** Resolves as soon as a session of this name waits for a lock that another one holds. */
export async function waitsForALock(watcher: Tx, applicationName: string): Promise<void> {
  for (;;) {
    const rows = await watcher.query(
      `select from pg_stat_activity where datname = current_database() and application_name = $1 and cardinality(pg_blocking_pids(pid)) > 0`,
      [applicationName],
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
