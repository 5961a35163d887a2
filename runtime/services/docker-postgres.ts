import { randomBytes } from 'node:crypto';
import type { ServerSpec } from './docker-server.ts';
import { imageOf, images } from './docker-images.ts';
import { postgresVersion } from './given.ts';
import { oldestPostgres } from './postgres-binaries.ts';
import { asFlags, postgresSettings } from './postgres-settings.ts';

const user = 'sagashift';

/** With the settings, the locale and the checksums of the embedded server, so that the two can be compared. */
export function dockerPostgres(
  env: NodeJS.ProcessEnv,
  memoryBytes: number,
): { readonly spec: ServerSpec; readonly urlAt: (at: string) => string } {
  const password = randomBytes(18).toString('base64url');
  const urlAt = (at: string) => `postgres://${user}:${password}@${at}/postgres`;
  return {
    urlAt,
    spec: {
      name: 'PostgreSQL',
      oldest: oldestPostgres,
      image: imageOf('postgres', env),
      variable: images.postgres.variable,
      port: 5_432,
      command: ['postgres', ...asFlags(postgresSettings(memoryBytes))],
      environment: {
        POSTGRES_USER: user,
        POSTGRES_PASSWORD: password,
        POSTGRES_DB: 'postgres',
        POSTGRES_INITDB_ARGS: '--locale=C --encoding=UTF8 --data-checksums --auth-host=scram-sha-256',
      },
      volume: '/var/lib/postgresql',
      probe: (at) => postgresVersion(urlAt(at)),
    },
  };
}
