import { spawnSync } from 'node:child_process';
import { repository } from '../../runtime/repository.ts';

/** Which sources are measured; both null outside of a git checkout. */
export function describeCommit(): { commit: string | null; dirty: boolean | null } {
  const head = git('rev-parse', '--short=12', 'HEAD');
  const changes = git('status', '--porcelain', '--untracked-files=no');
  return { commit: head === null || head === '' ? null : head, dirty: changes === null ? null : changes !== '' };
}

function git(...args: string[]): string | null {
  const { status, stdout } = spawnSync('git', args, { cwd: repository, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}
