import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { RedisBinary } from './redis-binary.ts';

const run = promisify(execFile);
const limitMs = 120_000;

/** What an earlier fetch left in `root`, if anything. */
export function fetchedRedis(root: string): RedisBinary | undefined {
  const file = join(root, 'usr', 'bin', 'redis-server');
  if (!existsSync(file)) return undefined;
  const lib = join(root, 'usr', 'lib');
  const libraries = readdirSync(lib)
    .filter((name) => name.includes('-linux-'))
    .map((name) => join(lib, name));
  return { file, libraries: libraries.join(':'), how: 'fetched from Debian packages' };
}

/**
 * Downloads redis-server and the libraries that this machine lacks, and unpacks them into `root`. apt gets a state and a cache
 * of its own, so it needs no root and changes nothing outside. Two at once: each works apart, the first to finish stays.
 */
export async function fetchRedis(root: string, env: NodeJS.ProcessEnv): Promise<RedisBinary> {
  mkdirSync(dirname(root), { recursive: true });
  removeAbandoned(root);
  const work = mkdtempSync(`${root}.`);
  const [state, cache, debs, unpacked] = ['state', 'cache', 'debs', 'root'].map((name) => join(work, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const dir of [join(state, 'lists', 'partial'), join(cache, 'archives', 'partial'), debs, unpacked])
    mkdirSync(dir, { recursive: true });
  const options = [
    ...[
      '-qq',
      '-o',
      `Dir::State=${state}`,
      '-o',
      'Dir::State::status=/var/lib/dpkg/status',
      '-o',
      `Dir::Cache=${cache}`,
    ],
    ...[
      '-o',
      'Debug::NoLocking=1',
      '-o',
      'APT::Sandbox::User=',
      '-o',
      'Acquire::Languages=none',
      '-o',
      'Acquire::Retries=2',
    ],
  ];
  const apt = (...args: string[]) =>
    run('apt-get', [...options, ...args], { cwd: debs, timeout: limitMs, maxBuffer: 2 ** 24, env });
  try {
    await apt('update');
    const { stdout } = await apt('--simulate', '--no-install-recommends', 'install', 'redis-server');
    await apt('download', ...packagesToInstall(stdout));
    for (const deb of readdirSync(debs))
      await run('dpkg-deb', ['-x', join(debs, deb), unpacked], { timeout: limitMs, env });
    const mine = fetchedRedis(unpacked);
    if (mine === undefined) throw new Error('the packages hold no redis-server');
    try {
      renameSync(unpacked, root);
    } catch (error) {
      if (fetchedRedis(root) === undefined) throw error; // Otherwise the other one was first.
    }
    return fetchedRedis(root) ?? mine;
  } finally {
    rmSync(work, { recursive: true, force: true }); // 30 to 120 MB of package lists.
  }
}

/** What a fetch that was killed left beside `root`; one that still runs is younger. */
function removeAbandoned(root: string): void {
  for (const name of readdirSync(dirname(root)).filter((entry) => entry.startsWith(`${basename(root)}.`))) {
    const path = join(dirname(root), name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 5 * limitMs) rmSync(path, { recursive: true, force: true });
  }
}

/** Of apt's simulation: `Inst libjemalloc2 (5.3.0-1 Debian:12/stable [amd64])`. */
export const packagesToInstall = (simulation: string): string[] =>
  [...simulation.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
