import { randomBytes } from 'node:crypto';
import { openPool, type Pool } from '../../runtime/database.ts';
import { cloneDatabase, databaseUrl, dropDatabase } from '../../runtime/databases.ts';
import type { TestServices } from './test-services.ts';

export { shop, type Shop } from './shop.ts';

export interface FreshDatabase {
  readonly url: string;
  readonly pool: Pool;
  /** Closes the pool and ends every other session. Call it in `afterAll`. */
  drop(): Promise<void>;
}

/** The servers of this run of the tests. */
export function testServices(): TestServices {
  const text = process.env['TEST_SERVICES'];
  if (text === undefined)
    throw new Error('TEST_SERVICES is not set: run the tests by `npm test`, whose global set-up starts the services');
  return JSON.parse(text) as TestServices;
}

/** An empty, migrated database: once per test file is enough. `connections` is its pool's size. */
export async function freshDatabase(connections = 8): Promise<FreshDatabase> {
  const { adminUrl, prefix, template } = testServices();
  const name = `${prefix}_${randomBytes(4).toString('hex')}`;
  await cloneDatabase(adminUrl, template, name);
  const url = databaseUrl(adminUrl, name);
  const pool = openPool({ url, size: connections, applicationName: 'test' });
  return {
    url,
    pool,
    async drop() {
      await pool.close();
      await dropDatabase(adminUrl, name);
    },
  };
}

/** The run's Redis, and a prefix that nobody else uses. */
export function freshRedis(): { readonly url: string; readonly prefix: string } {
  const { redisUrl, prefix } = testServices();
  return { url: redisUrl, prefix: `${prefix}-${randomBytes(4).toString('hex')}` };
}
