import { bench } from '../../bench/command.ts';
import { openConnection } from '../../runtime/database.ts';
import { openRedis } from '../../runtime/redis.ts';
import { testServices } from './services.ts';

export interface Benched {
  readonly code: number;
  /** What it said to a program. */
  readonly out: string;
  /** What it said to people. */
  readonly err: string;
}

/** `npm run bench` in this process. `during` is shown all that was said to people, whenever there is more, and can interrupt it. */
export async function benchCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  during?: (text: string, stop: () => void) => void,
): Promise<Benched> {
  const stopped = new AbortController();
  const stop = (): void => {
    stopped.abort(new Error('interrupted'));
  };
  let [out, err] = ['', ''];
  const code = await bench(argv, {
    stdout: { write: (more) => (out += more) },
    stderr: {
      write: (more) => {
        err += more;
        during?.(err, stop);
      },
    },
    now: () => new Date(),
    pid: process.pid,
    env,
    signal: stopped.signal,
  });
  return { code, out, err };
}

/** The servers of the tests, as a person names servers that the bench may use and not stop. */
export function givenServers(): { readonly DATABASE_URL: string; readonly REDIS_URL: string } {
  const { adminUrl, redisUrl } = testServices();
  return { DATABASE_URL: adminUrl, REDIS_URL: redisUrl };
}

/** What of a run is still on the servers of the tests. */
export async function leftOvers(runId: string): Promise<{ databases: number; keys: number }> {
  const { adminUrl, redisUrl } = testServices();
  const connection = await openConnection({ url: adminUrl });
  const databases = await connection.query('select 1 from pg_database where datname like $1', [
    `%${runId.replaceAll('-', '_')}%`,
  ]);
  await connection.close();
  const redis = openRedis(redisUrl, 'test');
  const keys = await redis.keys(`*${runId}*`);
  redis.disconnect();
  return { databases: databases.length, keys: keys.length };
}
