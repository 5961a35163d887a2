import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { numberedFiles, repeatableFiles } from '../runtime/migration-files.ts';
import { repository } from '../runtime/repository.ts';

const out = mkdtempSync(join(tmpdir(), 'copy-assets-'));
afterAll(() => {
  rmSync(out, { recursive: true });
});

test('puts what the compiled code reads beside it, and no source', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/copy-assets.mjs', out], { cwd: repository });
  expect([status, String(stderr)]).toEqual([0, '']);
  const copied = readdirSync(out, { recursive: true, encoding: 'utf8' });
  expect(copied.filter((path) => path.endsWith('.sql') && path !== 'schema/expected.sql').sort()).toEqual(
    [...numberedFiles(), ...repeatableFiles()].map(({ name }) => name).sort(),
  );
  expect(existsSync(join(out, 'bench/report/page.css'))).toBe(true);
  expect(copied.filter((path) => path.endsWith('.ts') || path.startsWith('bench/results'))).toEqual([]);
});
