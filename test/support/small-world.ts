import { afterAll, beforeAll } from '@jest/globals';
import { buildWorld } from '../../consistency/self-test/world.ts';
import { type FreshDatabase, freshDatabase } from './services.ts';

/** The world of the self-test in a database of this file's own. Call it once, outside of tests; read `db` in tests: before them there is none. */
export function smallWorld(): { readonly db: FreshDatabase } {
  const made = {} as { db: FreshDatabase };
  beforeAll(async () => {
    made.db = await freshDatabase();
    await buildWorld(made.db.pool, new AbortController().signal);
  });
  afterAll(() => made.db.drop());
  return made;
}
