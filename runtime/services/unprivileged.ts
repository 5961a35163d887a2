import { spawnSync } from 'node:child_process';

/** For `spawn`: whom to run as. Empty: as ourselves. */
export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

let found: RunAs | undefined;

/** Postgres refuses to run as root. Nobody needs to be created for it: `postgres` where there is one, else `nobody`. */
export function unprivileged(): RunAs {
  return (found ??= find());
}

function find(): RunAs {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout.trim() || NaN),
    );
    if (uid !== undefined && gid !== undefined && uid > 0 && gid > 0) return { uid, gid };
  }
  throw new Error('running as root, and there is neither a user postgres nor nobody to run Postgres as');
}

export const canEnter = (dir: string): boolean =>
  spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', dir], unprivileged()).status === 0;
