import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Logger } from '../log.ts';
import { cacheDir } from './cache.ts';
import { ServicesError } from './errors.ts';
import { fetchRedis, fetchedRedis } from './redis-fetch.ts';

export interface RedisBinary {
  readonly file: string;
  /** LD_LIBRARY_PATH it needs, if any. */
  readonly libraries?: string;
  /** For a person: where it came from. */
  readonly how: string;
}

/** REDIS_SERVER_BIN, PATH, a copy fetched earlier, else fetched now. */
export async function findRedis(
  log: Logger,
  env: NodeJS.ProcessEnv,
  root = join(cacheDir(), 'redis'),
): Promise<RedisBinary> {
  const given = env['REDIS_SERVER_BIN'];
  if (given !== undefined && given !== '') {
    const binary = { file: given, how: 'REDIS_SERVER_BIN' };
    if (runs(binary)) return binary;
    throw new ServicesError(2, `REDIS_SERVER_BIN=${given} does not run; unset it or give the path of a redis-server`);
  }
  const here = [onPath('redis-server', env), onPath('valkey-server', env), fetchedRedis(root)];
  for (const binary of here) if (binary !== undefined && runs(binary)) return binary;
  log.info('no redis-server on this machine: fetching one from Debian packages into .cache/, without root');
  try {
    const fetched = await fetchRedis(root, env);
    if (runs(fetched)) return fetched;
    throw new Error(`${fetched.file} does not run`);
  } catch (cause) {
    throw new ServicesError(
      4,
      'no Redis to start. Tried: redis-server and valkey-server on PATH, a copy in .cache/, Debian packages without root ' +
        `(${(cause as Error).message}).\nInstall one (\`apt-get install -y redis-server\`, \`brew install redis\`), or give REDIS_URL.`,
      { cause },
    );
  }
}

function onPath(name: string, env: NodeJS.ProcessEnv): RedisBinary | undefined {
  const dir = (env['PATH'] ?? '').split(delimiter).find((place) => existsSync(join(place, name)));
  return dir === undefined ? undefined : { file: join(dir, name), how: `PATH ${name}` };
}

const runs = ({ file, libraries }: RedisBinary): boolean =>
  spawnSync(file, ['--version'], {
    env: { ...process.env, ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) },
  }).status === 0;
