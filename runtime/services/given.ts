import { Redis } from 'ioredis';
import { openConnection, sqlState } from '../database.ts';
import { ServicesError } from './errors.ts';
import { oldestPostgres } from './postgres-binaries.ts';

export const oldestRedis = 6;

/** A server that somebody else runs: is it there, and is it new enough? Returns what it is, for a person. */
export const checkPostgres = (url: string): Promise<string> =>
  check({ variable: 'DATABASE_URL', name: 'PostgreSQL', oldest: oldestPostgres, versionOf: postgresVersion }, url);

export const checkRedis = (url: string): Promise<string> =>
  check({ variable: 'REDIS_URL', name: 'Redis', oldest: oldestRedis, versionOf: redisVersion }, url);

interface Kind {
  readonly variable: string;
  readonly name: string;
  readonly oldest: number;
  readonly versionOf: (url: string) => Promise<string>;
}

async function check({ variable, name, oldest, versionOf }: Kind, url: string): Promise<string> {
  const shown = withoutPassword(variable, url);
  let version: string;
  try {
    version = await versionOf(url);
  } catch (cause) {
    throw new ServicesError(
      4,
      `${variable} ${shown} can't be used (${sqlState(cause) ?? (cause as Error).message}). ` +
        `Start that server, mend the URL, or unset ${variable} to have one started for you.`,
      { cause },
    );
  }
  if (Number.parseInt(version, 10) < oldest)
    throw new ServicesError(2, `${variable} ${shown} is ${name} ${version}; it takes ${oldest} or newer`);
  return `${variable}, ${name} ${version}`;
}

/** Of the server there; rejects when it does not answer. */
export async function postgresVersion(url: string): Promise<string> {
  const connection = await openConnection({ url });
  try {
    const [row] = await connection.query<{ version: string }>(`select current_setting('server_version') as version`);
    return row?.version ?? '0';
  } finally {
    await connection.close();
  }
}

export async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    connectTimeout: 5_000,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? '0';
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
