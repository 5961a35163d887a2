import { startServices } from '../../runtime/services/services.ts';

/** Starts services and holds them: something for a test to kill. Prints where they are. */
const services = await startServices({
  kind: 'embedded',
  env: { PATH: process.env['PATH'], ...(process.argv[2] === undefined ? {} : { REDIS_SERVER_BIN: process.argv[2] }) },
});
process.stdout.write(`${JSON.stringify({ databaseUrl: services.databaseUrl, redisUrl: services.redisUrl })}\n`);
setInterval(() => undefined, 60_000);
