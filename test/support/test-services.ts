import { randomBytes } from 'node:crypto';
import { openConnection } from '../../runtime/database.ts';
import { createDatabase, databaseUrl, dropDatabase } from '../../runtime/databases.ts';
import { migrate } from '../../runtime/migrate.ts';
import { startServices } from '../../runtime/services/services.ts';

/** What the test processes need to know, in the environment variable `TEST_SERVICES`. */
export interface TestServices {
  readonly adminUrl: string;
  readonly redisUrl: string;
  /** Of every database and Redis key of this run. */
  readonly prefix: string;
  readonly template: string;
}

/**
 * Once per run, before the first test: servers (or those given), and the database that tests clone. Returns how to stop.
 * SERVICES is what `npm test -- --services docker` sets.
 */
export async function startForTests(): Promise<() => Promise<void>> {
  const services = await startServices({ kind: process.env['SERVICES'] === 'docker' ? 'docker' : 'embedded' });
  const adminUrl = services.databaseUrl;
  const prefix = `sagashift_test_${process.pid}_${randomBytes(3).toString('hex')}`;
  const template = `${prefix}_template`;
  const stop = async (): Promise<void> => {
    await dropAll(adminUrl, prefix);
    await services.stop();
  };
  try {
    await createDatabase(adminUrl, template);
    await migrate(databaseUrl(adminUrl, template));
  } catch (error) {
    await stop();
    throw error;
  }
  process.env['TEST_SERVICES'] = JSON.stringify({
    adminUrl,
    redisUrl: services.redisUrl,
    prefix,
    template,
  } satisfies TestServices);
  return stop;
}

/** On a server that was given nothing of ours stays. */
async function dropAll(adminUrl: string, prefix: string): Promise<void> {
  const connection = await openConnection({ url: adminUrl });
  const left = await connection.query<{ datname: string }>(
    'select datname from pg_database where starts_with(datname, $1)',
    [prefix],
  );
  await connection.close();
  for (const { datname } of left) await dropDatabase(adminUrl, datname);
}
