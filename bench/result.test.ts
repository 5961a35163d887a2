import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { resultOf } from '../test/support/bench-result.ts';
import { bench, type BenchIo } from './command.ts';
import { fdatasyncRate } from './preflight/fsync-rate.ts';
import { prepareOutput, readResult, saveResult } from './result-file.ts';
import { jsonSchemaOfResult } from './result.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-result-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const file = (name: string, content: string): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

async function call(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const io: BenchIo = {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    now: () => new Date(0),
    pid: 1,
    env: {},
    signal: new AbortController().signal,
  };
  return { code: await bench(argv, io), out, err };
}

describe('the schema of a result', () => {
  test('lies beside the code as it is; scripts/bench-schema.ts renews it', () => {
    expect(JSON.parse(readFileSync('bench/result.schema.json', 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(jsonSchemaOfResult())),
    );
  });

  test('a result survives being written and read', () => {
    const result = resultOf();
    saveResult(directory, result);
    expect(readResult(join(directory, 'result.json'))).toEqual(result);
  });

  test.each([
    ['not JSON', '{', /is not JSON/],
    ['another version', '{"schemaVersion":"0.1"}', /version 0.1; this program reads/],
    ['null', 'null', /version undefined/],
    ['another shape', JSON.stringify({ ...resultOf(), arms: 3 }), /arms/],
  ])('a file that is %s is refused with the reason', (name, content, message) => {
    expect(() => readResult(file(`${name}.json`, content))).toThrow(message);
  });
});

describe('where results go', () => {
  test('an empty directory, a new one or an earlier result; never among other files', () => {
    prepareOutput(join(directory, 'new', 'deeper'));
    prepareOutput(join(directory, 'new', 'deeper'));
    file('mine.txt', 'precious');
    expect(() => {
      prepareOutput(directory);
    }).toThrow(/holds other files/);
  });

  test('the rate of fdatasync is measured where one can write', () => {
    expect(fdatasyncRate(directory, 20)).toBeGreaterThan(0);
    expect(fdatasyncRate(join(directory, 'nowhere'), 20)).toBeNull();
  });
});

describe('npm run bench, without running', () => {
  test('renders a report again', async () => {
    const path = file('again.json', JSON.stringify(resultOf()));
    const { code, out } = await call('report', path, '--out', join(directory, 'page'));
    expect(code).toBe(0);
    expect(out).toContain(join(directory, 'page', 'report.html'));
    expect(readFileSync(join(directory, 'page', 'report.html'), 'utf8')).toContain(
      'Should this payment become a saga?',
    );
    expect((await call('report', path)).code).toBe(0);
  });

  test('what makes no sense ends with 2 and says what would', async () => {
    expect(await call('--engines', 'fast')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/Unknown engine 'fast'/),
    });
    expect(await call('report', join(directory, 'none.json'))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/There is no file/),
    });
    expect(await call('--out', directory)).toMatchObject({ code: 2 });
  });

  test.each([
    [
      { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' },
      [],
      /DATABASE_URL.*can't be used/,
    ],
    [{ DOCKER_HOST: 'unix:///nowhere.sock' }, ['--services', 'docker'], /Docker engine at unix:.*--services embedded/s],
  ])('servers that are not there end with 4: %j', async (env, argv, said) => {
    let err = '';
    const io = {
      stdout: { write: () => 0 },
      stderr: { write: (text: string) => (err += text) },
      now: () => new Date(0),
      pid: 1,
      env,
    };
    const code = await bench([...argv, '--out', join(directory, 'gone')], {
      ...io,
      signal: new AbortController().signal,
    });
    expect(code).toBe(4);
    expect(err).toMatch(said);
  });

  test('help is no error', async () => {
    expect(await call('--help')).toMatchObject({ code: 0, out: expect.stringMatching(/report/) });
  });
});
