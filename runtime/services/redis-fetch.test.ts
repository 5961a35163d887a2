import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLog } from '../log.ts';
import { findRedis } from './redis-binary.ts';
import { packagesToInstall } from './redis-fetch.ts';

const log = createLog('test', 'silent');
let dir: string;
let bin: string;
let root: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fetch-'));
  [bin, root] = [join(dir, 'bin'), join(dir, 'redis')];
  mkdirSync(bin);
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const command = (name: string, script: string): void => {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
};

/** Stand-ins for Debian's commands: what they were told is what counts here; the real ones run wherever no Redis is installed. */
function debian(redisServer: string): void {
  command(
    'apt-get',
    `case "$*" in *simulate*) echo 'Inst redis-server (5:7 Debian [amd64])' ;; *download*) /bin/touch redis-server.deb ;; esac`,
  );
  command(
    'dpkg-deb',
    `/bin/mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
     printf '#!/bin/sh\\n${redisServer}\\n' > "$3/usr/bin/redis-server"; /bin/chmod 755 "$3/usr/bin/redis-server"`,
  );
}

describe('where Redis comes from', () => {
  test('apt’s simulation names the packages that are missing', () => {
    expect(
      packagesToInstall(
        'NOTE: x\nInst libjemalloc2 (5.3.0-1 Debian:12/stable [amd64])\nInst redis-server (5:7 D)\nConf redis-server (5:7)',
      ),
    ).toEqual(['libjemalloc2', 'redis-server']);
  });

  test('REDIS_SERVER_BIN comes first, and must run', async () => {
    command('my-redis', 'exit 0');
    expect(await findRedis(log, { REDIS_SERVER_BIN: join(bin, 'my-redis') }, root)).toEqual({
      file: join(bin, 'my-redis'),
      how: 'REDIS_SERVER_BIN',
    });
    await expect(findRedis(log, { REDIS_SERVER_BIN: '/no/such/redis' }, root)).rejects.toMatchObject({ exitCode: 2 });
  });

  test('then PATH, valkey too', async () => {
    command('valkey-server', 'exit 0');
    expect(await findRedis(log, { PATH: bin }, root)).toMatchObject({ how: 'PATH valkey-server' });
  });

  test('then Debian packages, kept for the next time, with nothing else left behind', async () => {
    debian('exit 0');
    const fetched = await findRedis(log, { PATH: bin }, root);
    expect(fetched).toEqual({
      file: join(root, 'usr/bin/redis-server'),
      libraries: join(root, 'usr/lib/x86_64-linux-gnu'),
      how: 'fetched from Debian packages',
    });
    expect(readdirSync(dir).sort()).toEqual(['bin', 'redis']);
    rmSync(join(bin, 'apt-get'));
    expect(await findRedis(log, { PATH: bin }, root)).toEqual(fetched);
  });

  test('two at once end with one whole copy', async () => {
    debian('exit 0');
    const both = await Promise.all([findRedis(log, { PATH: bin }, root), findRedis(log, { PATH: bin }, root)]);
    expect(both.map((binary) => existsSync(binary.file))).toEqual([true, true]);
    expect(readdirSync(dir).sort()).toEqual(['bin', 'redis']);
  });

  test('what a killed fetch left is removed once it is old', async () => {
    const [old, young] = [join(dir, 'redis.old'), join(dir, 'redis.young')];
    mkdirSync(old);
    mkdirSync(young);
    const anHourAgo = Date.now() / 1_000 - 3_600;
    utimesSync(old, anHourAgo, anHourAgo);
    debian('exit 0');
    await findRedis(log, { PATH: bin }, root);
    expect(readdirSync(dir).sort()).toEqual(['bin', 'redis', 'redis.young']);
  });

  test('no way at all: one message with what was tried and what helps', async () => {
    await expect(findRedis(log, { PATH: bin }, root)).rejects.toMatchObject({ exitCode: 4 });
    debian('exit 1');
    const fault: unknown = await findRedis(log, { PATH: bin }, root).catch((error: unknown) => error);
    expect(String(fault)).toMatch(/PATH.*Debian packages.*does not run[^]*apt-get install -y redis-server.*REDIS_URL/);
  });
});
