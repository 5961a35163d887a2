import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openConnection } from '../../runtime/database.ts';
import { createDatabase, databaseUrl } from '../../runtime/databases.ts';
import { migrate } from '../../runtime/migrate.ts';
import { asFlags, postgresSettings } from '../../runtime/services/postgres-settings.ts';
import { freePort } from '../../runtime/services/processes.ts';
import { launchServer } from '../../runtime/services/server-process.ts';
import { type Services, startServices } from '../../runtime/services/services.ts';
import { unprivileged } from '../../runtime/services/unprivileged.ts';
import { paidOrders } from '../support/paid-orders.ts';
import { testServices } from '../support/services.ts';
import { verifyCommand } from '../support/verify-command.ts';

interface Standby {
  readonly url: string;
  readonly child: ReturnType<typeof launchServer>;
}

let services: Services;
let standby: Standby;
const directories: string[] = [];

beforeAll(async () => {
  const { redisUrl } = testServices();
  services = await startServices({ kind: 'embedded', env: { ...process.env, DATABASE_URL: '', REDIS_URL: redisUrl } });
  await createDatabase(services.databaseUrl, 'verified');
  const url = databaseUrl(services.databaseUrl, 'verified');
  await migrate(url);
  await paidOrders(url, 200);
  standby = await startStandby(url);
}, 60_000);
afterAll(async () => {
  if (standby.child.exitCode === null) standby.child.kill('SIGQUIT');
  await services.stop();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A base backup by hand: the embedded binaries have no pg_basebackup. */
async function startStandby(primary: string): Promise<Standby> {
  const source = await openConnection({ url: primary });
  const [where] = await source.query<{ data: string; bin: string }>(
    `select current_setting('data_directory') as data, (select setting from pg_config where name = 'BINDIR') as bin`,
  );
  const { data, bin } = where!;
  const directory = mkdtempSync(join(data, '..', '..', 'standby-'));
  directories.push(directory);
  const copy = join(directory, 'data');
  await source.query(`select pg_backup_start('standby', true)`);
  spawnSync('cp', ['-Rp', data, copy]);
  const [stop] = await source.query<{ label: string }>(`select labelfile as label from pg_backup_stop(false)`);
  await source.close();

  const from = new URL(primary);
  const conninfo = `host=${from.hostname} port=${from.port} user=${from.username} password=${from.password}`;
  rmSync(join(copy, 'postmaster.pid'), { force: true });
  writeFileSync(join(copy, 'backup_label'), stop!.label);
  writeFileSync(join(copy, 'standby.signal'), '');
  appendFileSync(join(copy, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
  const { uid, gid } = unprivileged();
  if (uid !== undefined) spawnSync('chown', ['-R', `${uid}:${gid}`, directory]);
  const port = await freePort();
  const settings = {
    ...postgresSettings(totalmem()),
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
  };
  const child = launchServer({
    file: join(bin, 'postgres'),
    args: ['-D', copy, ...asFlags(settings)],
    cwd: copy,
    log: join(directory, 'log'),
    runAs: unprivileged(),
  });
  from.port = String(port);
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the standby has ended with ${child.exitCode}`);
    const up = await openConnection({ url: from.href }).catch(() => undefined);
    await up?.close();
    if (up !== undefined) return { url: from.href, child };
  }
}

test('a replica is verified like a primary, in one snapshot of two connections', async () => {
  const { code, out, err } = await verifyCommand(standby.url);
  expect(err).not.toMatch(/fault|error/i);
  expect(out).toContain('0 of 200 orders touched by a violation');
  expect(code).toBe(0);
});

test('--record on a replica ends with 2 before the pass', async () => {
  const { code, err } = await verifyCommand(standby.url, ['--record']);
  expect(err).toBe('--record writes, and this is a replica: leave it away, or give the primary\n');
  expect(code).toBe(2);
});

test('a server that is shutting down ends with 4 and says so; so does one that is gone', async () => {
  const lingering = await openConnection({ url: standby.url });
  standby.child.kill('SIGTERM'); // waits for sessions, lets none in
  let verified = await verifyCommand(standby.url);
  while (verified.code === 0) verified = await verifyCommand(standby.url);
  expect(verified).toMatchObject({ code: 4, err: expect.stringMatching(/the server is starting up or shutting down/) });
  const ended = once(standby.child, 'exit');
  await lingering.close();
  await ended;
  expect(await verifyCommand(standby.url)).toMatchObject({
    code: 4,
    err: expect.stringContaining('see that the server is up'),
  });
});
