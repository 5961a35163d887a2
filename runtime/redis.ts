import { Redis } from 'ioredis';

export type { Redis };

/** Shared by our own clients and BullMQ's. Back-off up to 1 s, for as long as the process lives. */
export const redisReconnect = (attempt: number): number => Math.min(attempt * 50, 1_000);

/**
 * A client with explicit options. A command waits through at most 10 reconnects, then rejects: what is lost with Redis is
 * found again in Postgres, so nobody should wait for it for long. Close with `quit()`, or `disconnect()` when Redis is gone.
 */
export function openRedis(url: string, name: string, onError: (error: Error) => void = () => undefined): Redis {
  const redis = new Redis(url, {
    connectionName: name,
    connectTimeout: 5_000,
    disconnectTimeout: 200,
    commandTimeout: 10_000,
    maxRetriesPerRequest: 10,
    enableOfflineQueue: true,
    retryStrategy: redisReconnect,
  });
  // Without a listener ioredis prints every connection error itself.
  redis.on('error', onError);
  return redis;
}
