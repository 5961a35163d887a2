import { Redis } from 'ioredis';
import { type Connection, openConnection, sqlState } from '../database.ts';
import { ServicesError } from './errors.ts';
import { oldestPostgres } from './postgres-binaries.ts';

const oldestRedis = 6;

/** A server that somebody else runs: is it there, and is it new enough? Returns what it is, for a person. */
export async function checkPostgres(url: string): Promise<string> {
  const shown = withoutPassword('DATABASE_URL', url);
  let connection: Connection;
  try {
    connection = await openConnection({ url });
  } catch (cause) {
    throw new ServicesError(
      4,
      `DATABASE_URL ${shown} can't be used (${sqlState(cause) ?? (cause as Error).message}). ` +
        'Start that server, mend the URL, or unset DATABASE_URL to have one started for you.',
      { cause },
    );
  }
  try {
    const [row] = await connection.query<{ version: string }>(`select current_setting('server_version') as version`);
    const version = row?.version ?? '0';
    if (Number.parseInt(version, 10) < oldestPostgres) {
      throw new ServicesError(2, `DATABASE_URL ${shown} is PostgreSQL ${version}; it takes ${oldestPostgres} or newer`);
    }
    return `DATABASE_URL, PostgreSQL ${version}`;
  } finally {
    await connection.close();
  }
}

export async function checkRedis(url: string): Promise<string> {
  const shown = withoutPassword('REDIS_URL', url);
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    connectTimeout: 5_000,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? '0';
    if (Number.parseInt(version, 10) < oldestRedis) {
      throw new ServicesError(2, `REDIS_URL ${shown} is Redis ${version}; it takes ${oldestRedis} or newer`);
    }
    return `REDIS_URL, Redis ${version}`;
  } catch (cause) {
    if (cause instanceof ServicesError) throw cause;
    throw new ServicesError(
      4,
      `REDIS_URL ${shown} can't be used (${sqlState(cause) ?? (cause as Error).message}). ` +
        'Start that server, mend the URL, or unset REDIS_URL to have one started for you.',
      { cause },
    );
  } finally {
    if (redis.status !== 'end') redis.disconnect(); // After the end it would set a timer of 2 s that nothing clears.
  }
}

function withoutPassword(name: string, text: string): string {
  if (!URL.canParse(text))
    throw new ServicesError(2, `${name} is not a URL; it looks like ${examples[name] ?? 'scheme://host:port'}`);
  const url = new URL(text);
  if (url.password !== '') url.password = '***';
  return url.href;
}

const examples: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://user:password@127.0.0.1:5432/postgres',
  REDIS_URL: 'redis://127.0.0.1:6379',
};
