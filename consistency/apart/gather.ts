import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { clientConfig } from '../../runtime/pg-client.ts';
import type { Source } from './domain-databases.ts';

/** A session that ends with the work, and at once when the signal says so: the server is told to look whether we are still there. */
export async function session<T>(
  url: string,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(clientConfig({ url, applicationName: 'sagashift-verifier' }));
  client.on('error', () => undefined); // The statement in hand says it.
  await client.connect();
  const stop = (): void => void client.end();
  signal.addEventListener('abort', stop);
  try {
    await client.query('set client_connection_check_interval = 500');
    return await work(client);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await client.end();
  }
}

/** Temporary tables of the same names and columns: in this session they stand before the real ones. */
export async function shadow(home: pg.Client, sources: readonly Source[]): Promise<void> {
  const tables = new Set(sources.flatMap((source) => source.tables));
  await home.query([...tables].map((table) => `create temp table ${table} (like public.${table})`).join('; '));
}

/** Copies the tables of one database, as they are in one snapshot of it, reading only. Returns how many rows. */
export async function gather(home: pg.Client, source: Source, signal: AbortSignal): Promise<number> {
  return session(source.url, signal, async (client) => {
    await client.query('begin isolation level repeatable read read only');
    let rows = 0;
    for (const table of source.tables) {
      const columns = await columnsOf(home, table);
      const out = client.query(copyTo(`copy (select ${columns} from public.${table}) to stdout (format binary)`));
      const into = home.query(copyFrom(`copy pg_temp.${table} (${columns}) from stdin (format binary)`));
      await pipeline(out, into, { signal });
      rows += into.rowCount;
    }
    await client.query('commit');
    return rows;
  });
}

/** In the home's order: another database may have got a column later, and so at another place. */
async function columnsOf(home: pg.Client, table: string): Promise<string> {
  const { rows } = await home.query<{ name: string }>(
    `select quote_ident(attname) as name from pg_attribute where attrelid = ('pg_temp.' || $1)::regclass and attnum > 0 order by attnum`,
    [table],
  );
  return rows.map(({ name }) => name).join(', ');
}
