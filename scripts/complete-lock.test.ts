import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const script = join(import.meta.dirname, 'complete-lock.mjs');
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const run = (...args: string[]): number | null => spawnSync(process.execPath, [script, ...args], { cwd: dir }).status;
const lockFile = (): string => join(dir, 'package-lock.json');
const lock = (packages: unknown): void => {
  writeFileSync(lockFile(), `${JSON.stringify({ packages }, null, 2)}\n`);
};

describe('completing the lock', () => {
  test('adds the platform packages that a registry did not have, where npm looks for them', () => {
    lock({
      'node_modules/tool': {
        dev: true,
        optionalDependencies: { '@tool/darwin-arm64': '1.2.3', '@tool/linux-x64': '1.2.3', fsevents: '^2.3.0' },
      },
      'node_modules/@tool/linux-x64': { version: '1.2.3' },
      'node_modules/a/node_modules/b': { optionalDependencies: { '@b/win32-x64': '2.0.0' } },
      'node_modules/a/node_modules/@b/win32-x64': { version: '2.0.0' },
    });
    expect(run('--check')).toBe(1);
    expect(run()).toBe(0);
    const { packages } = JSON.parse(readFileSync(lockFile(), 'utf8')) as { packages: Record<string, unknown> };
    expect(packages['node_modules/@tool/darwin-arm64']).toEqual({
      version: '1.2.3',
      cpu: ['arm64'],
      dev: true,
      optional: true,
      os: ['darwin'],
    });
    expect(Object.keys(packages)).toHaveLength(5);
    expect(Object.keys(packages)).toEqual([...Object.keys(packages)].sort());
    expect(run('--check')).toBe(0);
  });

  test('leaves a complete lock as it is', () => {
    lock({ 'node_modules/plain': { version: '1.0.0' } });
    const before = readFileSync(lockFile(), 'utf8');
    expect(run()).toBe(0);
    expect(readFileSync(lockFile(), 'utf8')).toBe(before);
  });
});
