import { randomBytes } from 'node:crypto';
import { imageOf, images } from './docker-images.ts';
import type { ServerSpec } from './docker-server.ts';
import { oldestRedis, redisVersion } from './given.ts';
import { redisSettings } from './redis-settings.ts';

const configuration = '/tmp/sagashift-redis.conf';

/** The password goes in by a file, as that of the embedded server by stdin: a command line is everybody's to read. */
export function dockerRedis(env: NodeJS.ProcessEnv): {
  readonly spec: ServerSpec;
  readonly urlAt: (at: string) => string;
} {
  const password = randomBytes(18).toString('base64url');
  const urlAt = (at: string) => `redis://:${password}@${at}`;
  return {
    urlAt,
    spec: {
      name: 'Redis',
      oldest: oldestRedis,
      image: imageOf('redis', env),
      variable: images.redis.variable,
      port: 6_379,
      command: ['redis-server', configuration],
      files: [{ target: configuration, content: `${redisSettings(password).join('\n')}\n` }],
      probe: (at) => redisVersion(urlAt(at)),
    },
  };
}
