import type { PaymentEngine } from '../domain/payment-engine.ts';
import type { EnginePorts } from '../runtime/engine-ports.ts';
import { openRedis, type Redis } from '../runtime/redis.ts';
import { type EntityDatabase, openEntityDatabase } from './entity-database.ts';
import { monolith } from './monolith.ts';
import { createRedisLocks } from './redis-locks.ts';
import { createWorkInHand } from './work-in-hand.ts';

const name = 'legacy';

/** The monolith of the seed: Sequelize entities, Redis locks, one transaction with the outside call in it. */
export function createLegacyEngine({ config, metrics, log }: EnginePorts): PaymentEngine {
  const inHand = createWorkInHand();
  let running: { db: EntityDatabase; redis: Redis; pay: ReturnType<typeof monolith> } | undefined;

  return {
    name,
    async start() {
      if (running !== undefined) return;
      const db = openEntityDatabase(config.databaseUrl, config.dbConnections, metrics);
      const redis = openRedis(config.redisUrl, `sagashift ${name}`, (error) => {
        log.warn({ err: error }, 'redis connection');
      });
      const beginLocks = createRedisLocks(redis, { ...config.redlock, prefix: config.keyPrefix });
      running = { db, redis, pay: monolith(name, { config, metrics, db, beginLocks }) };
      await Promise.all([db.start(), redis.ping()]);
    },
    submit(command, signal) {
      if (running === undefined) return Promise.reject(new Error(`${name} is not running`));
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      return Promise.resolve({ settled: inHand.add(running.pay(command, signal)) });
    },
    async stop() {
      const ending = running;
      running = undefined;
      await inHand.settled();
      await ending?.db.close();
      ending?.redis.disconnect();
    },
  };
}
