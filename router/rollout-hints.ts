import { once } from 'node:events';
import { openRedis } from '../runtime/redis.ts';
import type { RolloutHints } from './rollout.ts';

const rolloutChannel = (keyPrefix: string): string => `${keyPrefix}:rollout`;

/** Hints by Redis pub/sub. Without Redis there are none, and the routers' poll finds the change within a second. */
export function redisHints(redisUrl: string, keyPrefix: string): RolloutHints {
  const redis = openRedis(redisUrl, 'router-rollout');
  return {
    subscribe: (onHint) => {
      redis.on('message', onHint);
      // At each connection, because what was published between two of them is lost: hence the hint as well.
      redis.on('ready', () => {
        redis.subscribe(rolloutChannel(keyPrefix)).then(onHint, () => undefined);
      });
    },
    stop: () => {
      redis.disconnect();
    },
  };
}

const publishLimitMs = 1_000;

/** Returns whether Redis took it. Waits for a connection first: a command that is queued without one outlives `disconnect`. */
export async function publishHint(redisUrl: string, keyPrefix: string, version: number): Promise<boolean> {
  const redis = openRedis(redisUrl, 'canary');
  try {
    await once(redis, 'ready', { signal: AbortSignal.timeout(publishLimitMs) });
    await redis.publish(rolloutChannel(keyPrefix), String(version));
    return true;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}
