import pg from 'pg';
import { type Connection, openConnection, sqlState } from './database.ts';

/** A database without our mark: it is never wiped or loaded. */
export class NotOursError extends Error {
  override readonly name = 'NotOursError';
  readonly exitCode = 2;
}

const mark = 'made by sagashift';
const undefinedTable = '42P01';

/** The same server and credentials, another database. */
export function databaseUrl(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(name)}`;
  return other.href;
}

export async function createDatabase(adminUrl: string, name: string): Promise<void> {
  await onServer(adminUrl, async (server) => {
    await server.query(`create database ${pg.escapeIdentifier(name)} encoding 'UTF8' template template0`);
    await setMark(server, name);
  });
}

/**
 * A copy of a database that nobody is connected to. By files: measured on PostgreSQL 18, 300 MB took 0.9 to 1.5 s against 1.8 to 3.4 s
 * through the WAL; an empty one about 50 ms either way.
 */
export async function cloneDatabase(adminUrl: string, template: string, name: string): Promise<void> {
  await onServer(adminUrl, async (server) => {
    await server.query(
      `create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(template)} strategy file_copy`,
    );
    await setMark(server, name);
  });
}

/** Ends its sessions. Nothing when there is no such database; a NotOursError when it is not ours. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await onServer(adminUrl, async (server) => {
    const [found] = await server.query<{ mark: string | null }>(
      `select shobj_description(oid, 'pg_database') as mark from pg_database where datname = $1`,
      [name],
    );
    if (found === undefined) return;
    if (found.mark !== mark) await assertOurs(databaseUrl(adminUrl, name));
    await server.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
  });
}

/** Throws a NotOursError unless a migration of ours has marked the database. */
export async function assertOurs(url: string): Promise<void> {
  await onServer(url, async (connection) => {
    const rows = await connection.query('select 1 from sagashift_database').catch((error: unknown) => {
      if (sqlState(error) === undefinedTable) return [];
      throw error;
    });
    if (rows.length > 0) return;
    const name = decodeURIComponent(new URL(url).pathname.slice(1));
    throw new NotOursError(
      `database '${name}' is not one of ours (it has no row in sagashift_database); it is left alone`,
    );
  });
}

const setMark = (server: Connection, name: string): Promise<unknown> =>
  server.query(`comment on database ${pg.escapeIdentifier(name)} is ${pg.escapeLiteral(mark)}`);

async function onServer<T>(url: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await openConnection({ url, applicationName: 'sagashift-databases' });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
