import { openRedis } from '../runtime/redis.ts';

/** Deletes the keys under a prefix of ours and no others; never FLUSHALL, the server may be somebody's. Returns how many. */
export async function deleteKeys(redisUrl: string, prefix: string): Promise<number> {
  if (prefix.length < 8 || /[*?[\]\\]/.test(prefix)) throw new TypeError(`'${prefix}' is not a prefix of a run`);
  const redis = openRedis(redisUrl, 'sagashift-bench-keys');
  let deleted = 0;
  try {
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000);
      if (keys.length > 0) deleted += await redis.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
    return deleted;
  } finally {
    redis.disconnect();
  }
}
