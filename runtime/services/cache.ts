import { createHash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from '../repository.ts';
import { ServicesError } from './errors.ts';
import { canEnter, unprivileged } from './unprivileged.ts';

/** Kept between runs: a fetched Redis, an initialised Postgres data directory. */
export function cacheDir(): string {
  const dir = join(repository, '.cache');
  mkdirSync(dir, { recursive: true });
  return dir;
}

/**
 * Where data lives: under `.cache/`. A repository below a directory that Postgres' unprivileged user can't enter (`/root`)
 * gets one under /var/tmp, named after it; not /tmp, which may be memory and would make fsync free.
 */
export function servicesDir(): string {
  const here = join(cacheDir(), 'services');
  mkdirSync(here, { recursive: true, mode: 0o755 });
  if (canEnter(here)) return here;
  const elsewhere = `/var/tmp/sagashift-${createHash('sha256').update(repository).digest('hex').slice(0, 12)}-${unprivileged().uid ?? 0}`;
  mkdirSync(elsewhere, { recursive: true, mode: 0o755 });
  // /var/tmp is everybody's: a directory that was there before us is not ours to trust.
  if (statSync(elsewhere).uid !== process.getuid?.())
    throw new ServicesError(
      4,
      `${elsewhere} belongs to somebody else: remove it, or move the repository out of ${dirname(here)}`,
    );
  return elsewhere;
}
