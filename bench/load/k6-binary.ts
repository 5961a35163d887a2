import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../runtime/repository.ts';

export interface K6 {
  readonly path: string;
  /** As it says itself, like `k6 v1.8.1 (go1.26.8, linux/amd64)`. */
  readonly version: string;
}

/** There is no k6 to run; the message names what helps. */
export class MissingK6 extends Error {
  override readonly name = 'MissingK6';
}

const versionLimitMs = 10_000;

/** `K6_BIN`, else `bin/k6`. Asks it for its version, so that what is not k6 is found before anything is started. Throws MissingK6. */
export function findK6(env: NodeJS.ProcessEnv): K6 {
  const given = env['K6_BIN'];
  const path = given ?? join(repository, 'bin', 'k6');
  const where = given === undefined ? 'bin/k6' : `K6_BIN=${given}`;
  if (!existsSync(path)) throw new MissingK6(`${where} is not there. Build k6 with: npm run k6:build`);
  const { stdout } = spawnSync(path, ['version'], { encoding: 'utf8', timeout: versionLimitMs, env: {} });
  const version = /^k6 v\S+.*/.exec(stdout ?? '')?.[0];
  if (version === undefined)
    throw new MissingK6(`${where} is not a k6 that runs here. Build one with: npm run k6:build`);
  return { path, version };
}
