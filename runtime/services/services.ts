import { apartIsUnsupported, domainsApart, urlName } from '../domain-urls.ts';
import { createLog, type Logger } from '../log.ts';
import { servicesDir } from './cache.ts';
import { dockerSource } from './docker-source.ts';
import { embeddedSource } from './embedded-source.ts';
import { ServicesError } from './errors.ts';
import { checkPostgres, checkRedis } from './given.ts';
import { sweepLeases, takeLease } from './lease.ts';
import type { Resolved } from './resolved.ts';

export { ServicesError } from './errors.ts';

export interface Services {
  /** A database of that server; make your own beside it (`runtime/databases.ts`). */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** For a person: where each came from, with its version. */
  readonly how: { readonly postgres: string; readonly redis: string };
  /** Of servers in containers that were started here; others know their own. */
  readonly pids: { readonly postgres?: number; readonly redis?: number };
  /** Ends a server as a crash would and starts it again at the same address. Only of embedded servers that were started here. */
  readonly restart: { readonly postgres?: () => Promise<void>; readonly redis?: () => Promise<void> };
  /** Stops what was started here and removes its data. What was given is left alone. */
  stop(): Promise<void>;
}

export interface ServicesOptions {
  readonly kind: 'embedded' | 'docker';
  readonly log?: Logger;
  readonly env?: NodeJS.ProcessEnv;
  /** Aborted: a start in containers, which may fetch images for minutes, gives up and leaves nothing. Embedded servers take a second. */
  readonly signal?: AbortSignal;
}

/** Resolves each service by itself: given by DATABASE_URL or REDIS_URL, else started here. Throws a ServicesError. */
export async function startServices({
  kind,
  log = createLog('services', 'warn'),
  env = process.env,
  signal = new AbortController().signal,
}: ServicesOptions): Promise<Services> {
  refuseUnsupported(env);
  const given = { postgres: notEmpty(env['DATABASE_URL']), redis: notEmpty(env['REDIS_URL']) };
  const root = servicesDir();
  const swept = await sweepLeases(root);
  if (swept > 0) log.info({ swept }, 'cleaned up what earlier runs had left behind');

  const lease = takeLease(root);
  const source = kind === 'docker' ? dockerSource(env, log, lease, signal) : embeddedSource(root, env, log, lease);
  const stop = async (): Promise<void> => {
    await source.stop();
    lease.release();
  };
  const [postgres, redis] = await Promise.allSettled([
    given.postgres === undefined ? source.postgres() : used(given.postgres, checkPostgres),
    given.redis === undefined ? source.redis() : used(given.redis, checkRedis),
  ]);
  if (postgres.status === 'rejected' || redis.status === 'rejected') {
    await stop();
    throw postgres.status === 'rejected' ? postgres.reason : (redis as PromiseRejectedResult).reason;
  }
  const { value: database } = postgres;
  const { value: cache } = redis;
  let stopped: Promise<void> | undefined;
  return {
    databaseUrl: database.url,
    redisUrl: cache.url,
    how: { postgres: database.how, redis: cache.how },
    pids: {
      ...(database.pid === undefined ? {} : { postgres: database.pid }),
      ...(cache.pid === undefined ? {} : { redis: cache.pid }),
    },
    restart: {
      ...(database.restart === undefined ? {} : { postgres: database.restart }),
      ...(cache.restart === undefined ? {} : { redis: cache.restart }),
    },
    stop: () => (stopped ??= stop()),
  };
}

const used = async (url: string, check: (url: string) => Promise<string>): Promise<Resolved> => ({
  url,
  how: await check(url),
});

function refuseUnsupported(env: NodeJS.ProcessEnv): void {
  const apart = domainsApart(env).map(urlName);
  if (apart.length > 0) throw new ServicesError(2, `${apart.join(', ')}: ${apartIsUnsupported}`);
}

const notEmpty = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
