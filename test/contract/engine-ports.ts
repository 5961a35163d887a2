import type { Config } from '../../runtime/config.ts';
import { readConfig } from '../../runtime/config.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';

/** Ports on the test's own database and Redis keys. `overrides` are what the test is about. */
export function portsOn(
  databaseUrl: string,
  redis: { readonly url: string; readonly prefix: string },
  overrides: Partial<Config> = {},
): EnginePorts {
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    SAGASHIFT_KEY_PREFIX: redis.prefix,
    SAGASHIFT_DB_CONNECTIONS: '8',
  });
  return {
    config: { ...config, ...overrides },
    metrics: createMetrics(),
    log: createLog('test', 'silent'),
    clock: Date.now,
  };
}
