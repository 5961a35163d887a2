import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { k6Build } from './k6-build-command.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'k6-build-'));
  mkdirSync(join(directory, 'module'));
  for (const name of ['go.mod', 'go.sum', 'main.go']) writeFileSync(join(directory, 'module', name), name);
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** A shell script in place of Go: `build -o FILE` writes a program that says a version. */
function standIn(build: string, version = 'go1.26'): string {
  const folder = join(directory, 'path');
  mkdirSync(folder, { recursive: true });
  const body = `#!/bin/sh
    echo "$@" >> ${directory}/calls
    case $1 in
      version) echo "go version ${version} linux/amd64";;
      build) while [ "$1" != -o ]; do shift; done; out=$2; ${build};;
    esac`;
  writeFileSync(join(folder, 'go'), body);
  chmodSync(join(folder, 'go'), 0o755);
  return `${folder}:/usr/bin:/bin`;
}

const builds = `echo one >&2; printf '#!/bin/sh\\necho "k6 v1.8.1"\\n' > $out; chmod +x $out`;

async function run(
  path: string,
  argv: string[] = [],
  signal = new AbortController().signal,
  onWrite: (text: string) => void = () => undefined,
) {
  let [out, err] = ['', ''];
  const code = await k6Build(argv, {
    stdout: {
      write: (text) => {
        out += text;
        onWrite(text);
      },
    },
    stderr: { write: (text) => (err += text) },
    env: { PATH: path },
    signal,
    places: {
      module: join(directory, 'module'),
      cache: join(directory, 'cache'),
      binary: join(directory, 'bin', 'k6'),
    },
  });
  return { code, out, err };
}

const calls = () => readFileSync(join(directory, 'calls'), 'utf8').match(/^build/gm)?.length ?? 0;
const cached = () =>
  readdirSync(join(directory, 'cache'), { recursive: true }).filter((name) => String(name).includes('k6'));

describe('npm run k6:build', () => {
  test('builds once, says what it does, and has nothing to do the second time', async () => {
    const path = standIn(builds);
    const first = await run(path);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toMatch(/fetching.*\n.*compiling[^]*built in \d+ s[^]*k6 v1.8.1/);
    expect(readdirSync(join(directory, 'bin'))).toEqual(['k6']);
    const second = await run(path);
    expect(second.out).toMatch(/built before/);
    expect(calls()).toBe(1);
  });

  test('builds anew when a version, a checksum or Go itself changes', async () => {
    await run(standIn(builds));
    writeFileSync(join(directory, 'module', 'go.sum'), 'another checksum');
    await run(standIn(builds));
    await run(standIn(builds, 'go1.27'));
    expect(calls()).toBe(3);
  });

  test('without Go it ends with 2 and says what helps', async () => {
    const { code, err } = await run(join(directory, 'empty'));
    expect(code).toBe(2);
    expect(err).toMatch(/no Go here.*Install Go.*K6_BIN/);
  });

  test('a build that fails says what Go said and leaves no binary', async () => {
    const { code, err } = await run(standIn('echo half > $out; echo "no such module" >&2; exit 1'));
    expect(code).toBe(1);
    expect(err).toMatch(/no such module[^]*go build failed/);
    expect(cached()).toEqual([]);
    expect(existsSync(join(directory, 'bin'))).toBe(false);
  });

  test('a build that is interrupted leaves no half binary', async () => {
    const stop = new AbortController();
    const path = standIn('echo half > $out; trap "exit 1" INT; while :; do :; done');
    const { code, err } = await run(path, [], stop.signal, (text) => {
      if (text.startsWith('compiling')) setTimeout(() => stop.abort(), 50);
    });
    expect(code).toBe(3);
    expect(err).toMatch(/interrupted/);
    expect(cached()).toEqual([]);
  });

  test('--help is no error, anything else is', async () => {
    expect(await run('', ['--help'])).toMatchObject({ code: 0, out: expect.stringMatching(/Go 1.25/) });
    expect(await run('', ['now'])).toMatchObject({ code: 2, err: expect.stringMatching(/takes no 'now'/) });
  });
});
