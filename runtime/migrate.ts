import pg from 'pg';
import { type Connection, openConnection } from './database.ts';
import { NotOursError } from './databases.ts';
import { type MigrationFile, numberedFiles, repeatableFiles } from './migration-files.ts';

/** The database and these sources do not belong together: it is newer, or a migration was edited after it ran. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly exitCode = 3;
}

/** Negative, as all advisory locks of ours that are not about an id. */
const migrationLock = -7_207_001;

/**
 * Brings a database to the schema of these sources: numbered files once, repeatable ones when changed, each in one transaction
 * with its row in `schema_migration`. Safe to run twice at once. An empty database is marked as ours; one that holds tables
 * of somebody else is refused (NotOursError) unless `yes`.
 */
export async function migrate(url: string, { yes = false } = {}): Promise<{ applied: string[] }> {
  const connection = await openConnection({ url, applicationName: 'sagashift-migrate' });
  try {
    await connection.query(`select pg_advisory_lock($1)`, [migrationLock]);
    if (!yes) await refuseForeign(connection);
    await connection.query(`create table if not exists schema_migration (
      name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
    return { applied: await applyAll(connection) };
  } finally {
    await connection.close(); // Its end gives the lock back.
  }
}

async function applyAll(connection: Connection): Promise<string[]> {
  const rows = await connection.query<{ name: string; checksum: string }>(
    'select name, checksum from schema_migration',
  );
  const known = new Map(rows.map((row) => [row.name, row.checksum]));
  const numbered = numberedFiles();
  refuseStrange(numbered, known);
  const pending = [
    ...numbered.filter((file) => !known.has(file.name)),
    ...repeatableFiles().filter((file) => known.get(file.name) !== file.checksum),
  ];
  for (const file of pending) await apply(connection, file);
  await connection.query(`insert into sagashift_database (purpose) values ('sagashift') on conflict do nothing`);
  return pending.map((file) => file.name);
}

/** One simple query is one transaction. The row comes first: of two at once, one waits there, before it has changed anything. */
async function apply(connection: Connection, { name, checksum, sql }: MigrationFile): Promise<void> {
  const [key, sum] = [pg.escapeLiteral(name), pg.escapeLiteral(checksum)];
  try {
    await connection.query(
      `insert into schema_migration (name, checksum) values (${key}, ${sum})
       on conflict (name) do update set checksum = excluded.checksum, applied_at = now();\n${sql}`,
    );
  } catch (cause) {
    throw new MigrationError(`${name} failed: ${(cause as Error).message}`, { cause });
  }
}

function refuseStrange(numbered: readonly MigrationFile[], known: ReadonlyMap<string, string>): void {
  const names = new Set(numbered.map((file) => file.name));
  const unknown = [...known.keys()].filter((name) => name.startsWith('schema/') && !names.has(name));
  if (unknown.length > 0) {
    throw new MigrationError(
      `the database is newer than these sources: it has ${unknown.join(', ')}. Use a newer version.`,
    );
  }
  const edited = numbered.filter((file) => known.has(file.name) && known.get(file.name) !== file.checksum);
  if (edited.length > 0) {
    throw new MigrationError(
      `edited after it ran: ${edited.map((file) => file.name).join(', ')}. Add a new file instead.`,
    );
  }
}

async function refuseForeign(connection: Connection): Promise<void> {
  const [row] = await connection.query<{ tables: number; ours: boolean }>(
    `select count(*) as tables, to_regclass('schema_migration') is not null and to_regclass('sagashift_database') is not null as ours
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_%'
       and c.relname not in ('schema_migration')`,
  );
  if (row !== undefined && row.tables > 0 && !row.ours) {
    throw new NotOursError('the database holds tables of somebody else; give an empty one, or --yes to add ours to it');
  }
}
