import { randomBytes } from 'node:crypto';
import { openPool, type Pool } from '../../runtime/database.ts';
import { cloneDatabase, createDatabase, databaseUrl, dropDatabase } from '../../runtime/databases.ts';
import { migrate } from '../../runtime/migrate.ts';
import { startPostgresAlone } from '../../runtime/services/postgres-alone.ts';

export interface ThrowAway<T> {
  /** Fills the first database. */
  readonly fill: (pool: Pool) => Promise<void>;
  /** Gets a pool of one connection to each of the databases, all alike. */
  readonly work: (pools: readonly Pool[]) => Promise<T>;
}

/** A second core helps, a third would be taken from whatever else runs there. */
const copies = 2;

/**
 * Migrates a database, fills it and works on it and on copies of it, which are all dropped afterwards, also when the work
 * fails or is broken off: siblings on the server that was given, else on one that is started for it and stopped.
 */
export async function withThrowAway<T>(
  given: string,
  env: NodeJS.ProcessEnv,
  { fill, work }: ThrowAway<T>,
): Promise<T> {
  const server = await startPostgresAlone(given, env);
  const prefix = `sagashift_self_test_${process.pid}_${randomBytes(3).toString('hex')}`;
  const names = Array.from({ length: copies }, (_, i) => `${prefix}_${i + 1}`);
  try {
    const urls = names.map((name) => databaseUrl(server.databaseUrl, name));
    await make(server.databaseUrl, names, fill);
    return await withPools(urls, work);
  } finally {
    for (const name of names) await dropDatabase(server.databaseUrl, name);
    await server.stop();
  }
}

async function make(adminUrl: string, names: readonly string[], fill: ThrowAway<unknown>['fill']): Promise<void> {
  const [first, ...others] = names;
  if (first === undefined) return;
  await createDatabase(adminUrl, first);
  await migrate(databaseUrl(adminUrl, first));
  await withPools([databaseUrl(adminUrl, first)], async ([pool]) => pool && fill(pool));
  for (const name of others) await cloneDatabase(adminUrl, first, name);
}

async function withPools<T>(urls: readonly string[], work: (pools: readonly Pool[]) => Promise<T>): Promise<T> {
  const pools = urls.map((url) => openPool({ url, size: 1, applicationName: 'sagashift-self-test' }));
  try {
    return await work(pools);
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
  }
}
