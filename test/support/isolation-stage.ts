import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Isolation } from '../../domain/ports.ts';
import type { Pool } from '../../runtime/database.ts';
import { type FreshDatabase, freshDatabase } from './services.ts';
import { openSession, type Session } from './sessions.ts';

export interface IsolationStage {
  readonly pool: Pool;
  /** Ends with the test that opens it. */
  session(isolation: Isolation): Promise<Session>;
}

/** A database of this file's own, and the sessions of each test. Call it once, outside of tests. */
export function isolationStage(): IsolationStage {
  let db: FreshDatabase;
  const sessions: Session[] = [];
  beforeAll(async () => {
    db = await freshDatabase();
  });
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.close()));
  });
  afterAll(() => db.drop());
  return {
    get pool() {
      return db.pool;
    },
    async session(isolation) {
      const session = await openSession(db.url, db.pool, isolation);
      sessions.push(session);
      return session;
    },
  };
}
