import type { Isolation, Tx } from '../../domain/ports.ts';
import { type Connection, openConnection, sqlState } from '../../runtime/database.ts';

/** One database session of a two-session test: statements run one after another, and a test can see that one waits. */
export interface Session extends Tx {
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Resolves once this session waits for a lock that another one holds. */
  blocked(): Promise<void>;
  close(): Promise<void>;
}

export async function openSession(url: string, watcher: Tx, isolation: Isolation): Promise<Session> {
  const db: Connection = await openConnection({ url, isolation, timeoutMs: 10_000 });
  const [own] = await db.query<{ pid: number }>('select pg_backend_pid() as pid');
  const end = async (text: string) => {
    await db.query(text);
  };
  return {
    query: (text, values) => db.query(text, values),
    begin: () => end('begin'),
    commit: () => end('commit'),
    async blocked() {
      for (;;) {
        const rows = await watcher.query('select where cardinality(pg_blocking_pids($1)) > 0', [own?.pid]);
        if (rows.length > 0) return;
      }
    },
    close: () => db.close(),
  };
}

/** The SQLSTATE a statement failed with; undefined when it did not. */
export const faultOf = (work: Promise<unknown>): Promise<string | undefined> => work.then(() => undefined, sqlState);
