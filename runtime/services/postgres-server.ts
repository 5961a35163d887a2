import { type ChildProcess, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openConnection } from '../database.ts';
import { ServicesError } from './errors.ts';
import type { Lease } from './lease.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { asFlags, postgresSettings } from './postgres-settings.ts';
import { freePort, hasExited } from './processes.ts';
import { launchServer, tail } from './server-process.ts';
import { unprivileged } from './unprivileged.ts';

export interface Server {
  readonly url: string;
  readonly child: ChildProcess;
  /** On the same data, at the same address, when `child` has ended. */
  readonly startAgain: () => Promise<Server>;
}

const readyLimitMs = 30_000;
const portTries = 3;

const settings = (port: number): Readonly<Record<string, string>> => ({
  port: String(port),
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  ...postgresSettings(totalmem()),
});

/** A server on a copy of an initialised data directory: 0.2 s against 1 s for initdb. */
export async function startPostgres(binaries: PostgresBinaries, root: string, lease: Lease): Promise<Server> {
  const { template, password } = initialised(binaries, root);
  const data = join(lease.dir, 'postgres');
  for (let tries = 1; ; tries += 1) {
    giveDirectory(data);
    run('cp', ['-R', `${template}/.`, data]);
    const port = await freePort();
    const url = `postgres://sagashift:${password}@127.0.0.1:${port}/postgres`;
    const log = join(lease.dir, 'postgres.log');
    const start = async (): Promise<Server | undefined> => {
      const child = launch(binaries, data, port, log);
      lease.addChild(child.pid, 'SIGQUIT');
      return (await isReady(child, url, data)) ? { url, child, startAgain } : undefined;
    };
    const startAgain = async () => (await start()) ?? failed(binaries, log);
    const server = await start();
    if (server !== undefined) return server;
    if (tries === portTries) return failed(binaries, log);
    rmSync(data, { recursive: true, force: true });
  }
}

function failed({ how }: PostgresBinaries, log: string): never {
  throw new ServicesError(4, `Postgres (${how}) did not start:\n${tail(log)}`);
}

function launch(binaries: PostgresBinaries, data: string, port: number, log: string): ChildProcess {
  const args = ['-D', data, ...asFlags(settings(port))];
  return launchServer({ file: join(binaries.dir, 'postgres'), args, cwd: data, log, runAs: unprivileged() });
}

/** Answers queries, and is ours: the port may have been taken by another run's server in between. */
async function isReady(child: ChildProcess, url: string, data: string): Promise<boolean> {
  const until = performance.now() + readyLimitMs;
  while (performance.now() < until && child.pid !== undefined && !hasExited(child)) {
    try {
      const connection = await openConnection({ url });
      const [row] = await connection.query<{ dir: string }>(`select current_setting('data_directory') as dir`);
      await connection.close();
      if (row?.dir === data) return true;
    } catch {
      // Not up yet.
    }
    await sleep(20);
  }
  return false;
}

/** Made once per version and user, with a password of its own that only we can read. */
function initialised(binaries: PostgresBinaries, root: string): { template: string; password: string } {
  const cache = join(root, `initialised-${binaries.version}-${unprivileged().uid ?? process.getuid?.() ?? 0}`);
  const passwordFile = join(cache, 'password');
  if (!existsSync(passwordFile)) {
    const growing = `${cache}.${process.pid}`;
    rmSync(growing, { recursive: true, force: true });
    mkdirSync(growing, { mode: 0o755 });
    initialise(binaries, growing);
    try {
      renameSync(growing, cache);
    } catch {
      rmSync(growing, { recursive: true, force: true }); // Another run was first.
    }
  }
  return { template: join(cache, 'data'), password: readFileSync(passwordFile, 'utf8').trim() };
}

function initialise(binaries: PostgresBinaries, dir: string): void {
  const data = join(dir, 'data');
  giveDirectory(data);
  const password = join(dir, 'password');
  writeFileSync(password, `${randomBytes(18).toString('base64url')}\n`, { mode: 0o600 });
  const { uid, gid } = unprivileged();
  if (uid !== undefined) chownSync(password, uid, gid ?? uid);
  run(join(binaries.dir, 'initdb'), [
    ...['-D', data, '-U', 'sagashift', `--pwfile=${password}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'],
    ...['--data-checksums', '--no-sync', '--no-instructions'],
  ]);
}

function giveDirectory(dir: string): void {
  mkdirSync(dir, { mode: 0o700 });
  const { uid, gid } = unprivileged();
  if (uid !== undefined) chownSync(dir, uid, gid ?? uid);
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { ...unprivileged(), cwd: '/', encoding: 'utf8' });
  if (status !== 0) throw new ServicesError(4, `${command} failed: ${error?.message ?? stderr.trim()}`);
}
