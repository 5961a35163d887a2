import type { Tx } from '../domain/ports.ts';
import { openConnection } from '../runtime/database.ts';
import { assertOurs } from '../runtime/databases.ts';
import { numberedFiles } from '../runtime/migration-files.ts';
import { exitCodes } from './command-mode.ts';
import { invariants } from './invariants.ts';
import { clockToleranceSeconds } from './order-counts.ts';

/** The database, or who looks at it, is not fit for a pass. The message says what to do; `exitCode` is what the command ends with. */
export class UnfitError extends Error {
  override readonly name = 'UnfitError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Throws a NotOursError when the database is not marked as ours, and what `assertFit` throws. */
export async function assertFitDatabase(url: string): Promise<void> {
  await assertOurs(url);
  const connection = await openConnection({ url, applicationName: 'sagashift-verifier' });
  try {
    await assertFit(connection, { record: false });
  } finally {
    await connection.close();
  }
}

/** Throws an UnfitError when the schema is not that of this code, or the user may not read it all, or not record when that is asked for. */
export async function assertFit(tx: Tx, { record }: { readonly record: boolean }): Promise<void> {
  await assertSchema(tx);
  const tables = [...new Set(invariants.flatMap(({ checks }) => checks.flatMap(({ subject }) => subject.tables)))];
  await assertRight(tx, tables, 'select', 'which the pass reads: `grant pg_read_all_data to');
  if (!record) return;
  const [state] = await tx.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  if (state?.standby === true) {
    throw new UnfitError(exitCodes.usage, '--record writes, and this is a replica: leave it away, or give the primary');
  }
  const recorded = ['verification_run', 'verification_finding'];
  await assertRight(
    tx,
    recorded,
    'insert',
    `which --record needs: \`grant select, insert on ${recorded.join(', ')} to`,
  );
}

/** By the migrator's own record. Functions are not compared: what an invariant says does not depend on them. */
async function assertSchema(tx: Tx): Promise<void> {
  const applied = await tx.query<{ name: string; checksum: string }>(
    `select name, checksum from schema_migration where name like 'schema/%'`,
  );
  const known = new Map(numberedFiles().map(({ name, checksum }) => [name, checksum]));
  const newer = applied.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  if (newer.length > 0) {
    throw new UnfitError(
      exitCodes.invalid,
      `the schema is newer than this code, it has ${newer.join(', ')}: verify it with the version that it belongs to`,
    );
  }
  const there = new Map(applied.map(({ name, checksum }) => [name, checksum]));
  const older = [...known].filter(([name, checksum]) => there.get(name) !== checksum).map(([name]) => name);
  if (older.length > 0) {
    throw new UnfitError(
      exitCodes.invalid,
      `the schema is not that of this code, it lacks ${older.join(', ')}: run \`npm run migrate\`, or verify it with the version that it belongs to`,
    );
  }
}

async function assertRight(tx: Tx, tables: readonly string[], right: string, why: string): Promise<void> {
  const rows = await tx.query<{ name: string; role: string }>(
    `select name, quote_ident(current_user) as role from unnest($1::text[]) name where not has_table_privilege(name, $2) order by name`,
    [tables, right],
  );
  const role = rows[0]?.role;
  if (role === undefined) return;
  throw new UnfitError(
    exitCodes.usage,
    `${role} has no right to ${right} ${right === 'insert' ? 'into' : 'from'} ${rows.map(({ name }) => name).join(', ')}, ${why} ${role}\``,
  );
}

/** What to say when the clock of the database and ours do not tell the same time. */
export async function clockOff(tx: Tx, now: () => number = Date.now): Promise<string | undefined> {
  const before = now();
  const [row] = await tx.query<{ ms: number }>('select extract(epoch from clock_timestamp())::float8 * 1000 as ms');
  const seconds = Math.round(((row?.ms ?? before) - (before + now()) / 2) / 1000);
  if (Math.abs(seconds) <= clockToleranceSeconds) return undefined;
  return `the clock of the database is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} ours: set the one that is wrong; what is said of times, G5 above all, goes by the database's`;
}
