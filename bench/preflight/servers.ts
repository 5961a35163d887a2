import { openConnection } from '../../runtime/database.ts';
import { openRedis } from '../../runtime/redis.ts';
import type { Environment } from '../result.ts';

/** What decides how durable and how fast the servers are; a reader of figures needs these beside them. */
const postgresSettings = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'shared_buffers',
  'max_wal_size',
  'checkpoint_timeout',
  'max_connections',
  'autovacuum',
  'jit',
  'wal_compression',
  'commit_delay',
] as const;
const redisSettings = ['appendonly', 'appendfsync', 'save', 'maxmemory-policy'] as const;

export interface ServerFacts {
  readonly postgres: Environment['postgres'];
  readonly redis: Environment['redis'];
  readonly maxConnections: number;
}

export async function describeServers(
  databaseUrl: string,
  redisUrl: string,
  how: { readonly postgres: string; readonly redis: string },
): Promise<ServerFacts> {
  const [postgres, redis] = await Promise.all([describePostgres(databaseUrl), describeRedis(redisUrl)]);
  return {
    postgres: { ...postgres, how: how.postgres },
    redis: { ...redis, how: how.redis },
    maxConnections: Number(postgres.settings['max_connections'] ?? 0),
  };
}

async function describePostgres(url: string): Promise<Omit<Environment['postgres'], 'how'>> {
  const connection = await openConnection({ url, applicationName: 'sagashift-bench' });
  try {
    const rows = await connection.query<{ name: string; setting: string }>(
      `select name, current_setting(name) as setting from pg_settings where name = any($1) or name = 'server_version'`,
      [postgresSettings],
    );
    const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
    const { server_version: version = 'unknown', ...rest } = settings;
    return { version, settings: rest };
  } finally {
    await connection.close();
  }
}

async function describeRedis(url: string): Promise<Omit<Environment['redis'], 'how'>> {
  const redis = openRedis(url, 'sagashift-bench');
  try {
    const version = /(?:redis|valkey)_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown';
    const settings: Record<string, string> = {};
    for (const name of redisSettings) settings[name] = await settingOf(() => redis.config('GET', name));
    return { version, settings };
  } finally {
    redis.disconnect();
  }
}

/** A managed server may not let its settings be read. */
async function settingOf(ask: () => Promise<unknown>): Promise<string> {
  try {
    const answer = await ask();
    return Array.isArray(answer) ? String(answer[1] ?? '') : 'unknown';
  } catch {
    return 'not readable';
  }
}
