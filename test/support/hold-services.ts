import { startServices } from '../../runtime/services/services.ts';

/** Starts services and holds them: something for a test to kill. Prints where they are. `docker` as argument: in containers. */
const services = await startServices({
  kind: process.argv[2] === 'docker' ? 'docker' : 'embedded',
  env: { ...process.env, DATABASE_URL: '', REDIS_URL: '', REDIS_SERVER_BIN: '' },
});
process.stdout.write(`${JSON.stringify({ databaseUrl: services.databaseUrl, redisUrl: services.redisUrl })}\n`);
setInterval(() => undefined, 60_000);
