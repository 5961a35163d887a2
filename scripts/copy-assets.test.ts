import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { numberedFiles, repeatableFiles } from '../runtime/migration-files.ts';
import { repository } from '../runtime/repository.ts';

const out = mkdtempSync(join(tmpdir(), 'copy-assets-'));
afterAll(() => {
  rmSync(out, { recursive: true });
});

const copyTo = (folder: string) =>
  spawnSync(process.execPath, ['scripts/copy-assets.mjs', join(out, folder)], { cwd: repository, encoding: 'utf8' });

test('puts what the compiled code reads beside it, and no source', () => {
  expect(copyTo('dist')).toMatchObject({ status: 0, stderr: '' });
  const copied = readdirSync(join(out, 'dist'), { recursive: true, encoding: 'utf8' });
  expect(copied.filter((path) => path.endsWith('.sql') && path !== 'schema/expected.sql').sort()).toEqual(
    [...numberedFiles(), ...repeatableFiles()].map(({ name }) => name).sort(),
  );
  expect(copied).toEqual(expect.arrayContaining(['bench/report/page.css', 'runtime/pages/look.css']));
  expect(copied.filter((path) => path.endsWith('.ts') || path.startsWith('bench/results'))).toEqual([]);
  // What a source of the same name is compiled to has that place.
  const scripts = copied.filter((path) => path.endsWith('.js'));
  expect(scripts.length).toBeGreaterThan(0);
  expect(scripts.filter((path) => existsSync(join(repository, path.replace(/js$/, 'ts'))))).toEqual([]);
});

test('takes nobody’s place', () => {
  const compiled = join(out, 'clash', 'bench', 'report', 'page.js');
  mkdirSync(dirname(compiled), { recursive: true });
  writeFileSync(compiled, 'compiled');
  expect(copyTo('clash')).toMatchObject({ status: 1, stderr: expect.stringContaining('page.js') as unknown });
  expect(readFileSync(compiled, 'utf8')).toBe('compiled');
});
