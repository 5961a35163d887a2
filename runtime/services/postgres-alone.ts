import { createLog } from '../log.ts';
import { servicesDir } from './cache.ts';
import { embeddedSource } from './embedded-source.ts';
import { checkPostgres } from './given.ts';
import { sweepLeases, takeLease } from './lease.ts';

export interface PostgresAlone {
  /** A database of that server; make your own beside it (`runtime/databases.ts`). */
  readonly databaseUrl: string;
  /** For a person: where it came from, with its version. */
  readonly how: string;
  /** Stops what was started here and removes its data. What was given is left alone. */
  stop(): Promise<void>;
}

/** For what needs no Redis: the server of `given`, or an embedded one. Throws a ServicesError. */
export async function startPostgresAlone(
  given: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<PostgresAlone> {
  if (given !== undefined && given !== '') {
    return { databaseUrl: given, how: await checkPostgres(given), stop: async () => undefined };
  }
  const root = servicesDir();
  await sweepLeases(root);
  const lease = takeLease(root);
  const source = embeddedSource(root, env, createLog('services', 'warn'), lease);
  const stop = async (): Promise<void> => {
    await source.stop();
    lease.release();
  };
  try {
    const { url, how } = await source.postgres();
    return { databaseUrl: url, how, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
