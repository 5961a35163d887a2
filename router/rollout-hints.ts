import { openRedis } from '../runtime/redis.ts';
import type { RolloutHints } from './rollout.ts';

export const rolloutChannel = (keyPrefix: string): string => `${keyPrefix}:rollout`;

/** Hints by Redis pub/sub. Without Redis there are none, and the routers' poll finds the change within a second. */
export function redisHints(redisUrl: string, keyPrefix: string): RolloutHints {
  const redis = openRedis(redisUrl, 'router-rollout');
  return {
    subscribe: async (onHint) => {
      redis.on('message', onHint);
      // Not awaited to succeed: ioredis subscribes again by itself whenever Redis is back.
      redis.on('ready', onHint);
      await Promise.race([redis.subscribe(rolloutChannel(keyPrefix)).catch(() => undefined), limit()]);
    },
    stop: async () => {
      redis.disconnect();
    },
  };
}

const subscribeLimitMs = 1_000;
const limit = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, subscribeLimitMs).unref();
  });

/** Returns whether Redis took it. */
export async function publishHint(redisUrl: string, keyPrefix: string, version: number): Promise<boolean> {
  const redis = openRedis(redisUrl, 'canary');
  try {
    await Promise.race([redis.publish(rolloutChannel(keyPrefix), String(version)), refuseAfterLimit()]);
    return true;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

const refuseAfterLimit = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    setTimeout(() => {
      reject(new Error('Redis did not answer'));
    }, subscribeLimitMs).unref();
  });
