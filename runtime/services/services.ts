import { createLog, type Logger } from '../log.ts';
import { servicesDir } from './cache.ts';
import { ServicesError } from './errors.ts';
import { checkPostgres, checkRedis } from './given.ts';
import { type Lease, sweepLeases, takeLease } from './lease.ts';
import { findPostgres } from './postgres-binaries.ts';
import { type Server, startPostgres } from './postgres-server.ts';
import { endProcess, identify } from './processes.ts';
import { findRedis } from './redis-binary.ts';
import { startRedis } from './redis-server.ts';

export { ServicesError } from './errors.ts';

export interface Services {
  /** A database of that server; make your own beside it (`runtime/databases.ts`). */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** For a person: where each came from, with its version. */
  readonly how: { readonly postgres: string; readonly redis: string };
  /** Stops what was started here and removes its data. What was given is left alone. */
  stop(): Promise<void>;
}

export interface ServicesOptions {
  readonly kind: 'embedded' | 'docker';
  readonly log?: Logger;
  readonly env?: NodeJS.ProcessEnv;
}

/** Resolves each service by itself: given by DATABASE_URL or REDIS_URL, else started here. Throws a ServicesError. */
export async function startServices({
  kind,
  log = createLog('services', 'warn'),
  env = process.env,
}: ServicesOptions): Promise<Services> {
  refuseUnsupported(kind, env);
  const given = { postgres: notEmpty(env['DATABASE_URL']), redis: notEmpty(env['REDIS_URL']) };
  const root = servicesDir();
  const swept = await sweepLeases(root);
  if (swept > 0) log.info({ swept }, 'cleaned up what earlier runs had left behind');

  const lease = takeLease(root);
  const [postgres, redis] = await Promise.allSettled([
    given.postgres === undefined ? embeddedPostgres(root, env, lease) : used(given.postgres, checkPostgres),
    given.redis === undefined ? embeddedRedis(log, env, lease) : used(given.redis, checkRedis),
  ]);
  const servers = [postgres, redis].map((result) => (result.status === 'fulfilled' ? result.value : undefined));
  if (postgres.status === 'rejected' || redis.status === 'rejected') {
    await endAll(servers, lease);
    throw postgres.status === 'rejected' ? postgres.reason : (redis as PromiseRejectedResult).reason;
  }
  let stopped: Promise<void> | undefined;
  return {
    databaseUrl: postgres.value.url,
    redisUrl: redis.value.url,
    how: { postgres: postgres.value.how, redis: redis.value.how },
    stop: () => (stopped ??= endAll(servers, lease)),
  };
}

type Resolved = { readonly url: string; readonly how: string } & Partial<Pick<Server, 'child'>>;

const used = async (url: string, check: (url: string) => Promise<string>): Promise<Resolved> => ({
  url,
  how: await check(url),
});

async function embeddedPostgres(root: string, env: NodeJS.ProcessEnv, lease: Lease): Promise<Resolved> {
  const binaries = await findPostgres(root, env);
  return { ...(await startPostgres(binaries, root, lease)), how: `embedded: ${binaries.how}` };
}

async function embeddedRedis(log: Logger, env: NodeJS.ProcessEnv, lease: Lease): Promise<Resolved> {
  const binary = await findRedis(log, env);
  return { ...(await startRedis(binary, lease)), how: `embedded: ${binary.how}` };
}

/** SIGINT is Postgres' fast shutdown; sessions that are still open are ended. */
async function endAll(servers: readonly (Resolved | undefined)[], lease: Lease): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  await Promise.all(
    servers.map(async (server, i) => {
      const pid = server?.child?.pid;
      const id = pid === undefined ? undefined : identify(pid);
      if (id !== undefined) await endProcess(id, signals[i] ?? 'SIGTERM', 10_000);
    }),
  );
  lease.release();
}

function refuseUnsupported(kind: ServicesOptions['kind'], env: NodeJS.ProcessEnv): void {
  if (kind === 'docker') {
    throw new ServicesError(
      2,
      '--services docker: this version has no Docker services yet. Use --services embedded, or give DATABASE_URL and REDIS_URL.',
    );
  }
  const apart = ['ORDER', 'BALANCE', 'PRODUCT', 'PAYMENT', 'SAGA']
    .map((name) => `DATABASE_URL_${name}`)
    .filter((name) => notEmpty(env[name]) !== undefined);
  if (apart.length > 0) {
    throw new ServicesError(
      2,
      `${apart.join(', ')}: a database per domain is not supported by this version; unset, everything uses DATABASE_URL`,
    );
  }
}

const notEmpty = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
