import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepLeases, takeLease } from './lease.ts';
import { hasExited, identify, pidScope } from './processes.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lease-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const sleeper = () => spawn('sleep', ['60'], { stdio: 'ignore' });

function leaseOf(name: string, record: unknown): string {
  mkdirSync(join(root, name));
  const file = join(root, `${name}.lease.json`);
  writeFileSync(file, JSON.stringify(record));
  return file;
}

describe('a lease', () => {
  test('names its owner and its children, and takes its directory with it', () => {
    const lease = takeLease(root);
    lease.addChild(process.ppid, 'SIGTERM');
    lease.addChild(undefined, 'SIGTERM');
    const file = readdirSync(root).find((name) => name.endsWith('.lease.json')) ?? '';
    expect(JSON.parse(readFileSync(join(root, file), 'utf8'))).toMatchObject({
      scope: pidScope(),
      owner: identify(process.pid),
      children: [{ pid: process.ppid, signal: 'SIGTERM' }],
    });
    expect(existsSync(lease.dir)).toBe(true);
    lease.release();
    expect(readdirSync(root)).toEqual([]);
  });

  test('of the living is left alone', async () => {
    const lease = takeLease(root);
    expect(await sweepLeases(root)).toBe(0);
    expect(existsSync(lease.dir)).toBe(true);
    lease.release();
  });

  test('of the dead is swept: its children end, its data goes', async () => {
    const child = sleeper();
    const exit = once(child, 'exit');
    leaseOf('dead', {
      scope: pidScope(),
      owner: { pid: process.pid, startedAt: 'an earlier life' },
      children: [{ ...identify(child.pid!), signal: 'SIGTERM' }],
    });
    expect(await sweepLeases(root)).toBe(1);
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(readdirSync(root)).toEqual([]);
  });

  test('of a dead owner does not end who has got a child’s pid meanwhile', async () => {
    const child = sleeper();
    leaseOf('dead', {
      scope: pidScope(),
      owner: { pid: 1, startedAt: 'x' },
      children: [{ pid: child.pid, startedAt: 'x', signal: 'SIGTERM' }],
    });
    expect(await sweepLeases(root)).toBe(1);
    expect(hasExited(child)).toBe(false);
    child.kill();
    await once(child, 'exit');
  });

  test('of another machine is swept after a day, its pids untouched', async () => {
    const child = sleeper();
    const record = {
      scope: 'elsewhere',
      owner: { pid: 1, startedAt: 'x' },
      children: [{ ...identify(child.pid!), signal: 'SIGTERM' }],
    };
    const file = leaseOf('foreign', record);
    expect(await sweepLeases(root)).toBe(0);
    const twoDaysAgo = Date.now() / 1_000 - 2 * 86_400;
    utimesSync(file, twoDaysAgo, twoDaysAgo);
    expect(await sweepLeases(root)).toBe(1);
    expect(hasExited(child)).toBe(false);
    child.kill();
    await once(child, 'exit');
  });

  test('that can’t be read is not acted on', async () => {
    writeFileSync(join(root, 'odd.lease.json'), '{"owner":');
    expect(await sweepLeases(root)).toBe(0);
  });
});
