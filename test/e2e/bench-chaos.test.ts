import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ChaosResult } from '../../bench/chaos/chaos-result.ts';
import { benchCommand, givenServers, leftOvers } from '../support/bench-command.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-chaos-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function chaos(
  name: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  during?: (text: string, stop: () => void) => void,
): Promise<{ code: number; result: ChaosResult; text: string }> {
  const path = join(directory, name);
  const {
    code,
    out,
    err: text,
  } = await benchCommand(['chaos', '--quick', ...argv, '--out', path, '--json'], env, during);
  const result = JSON.parse(out) as ChaosResult;
  expect(JSON.parse(readFileSync(join(path, 'chaos.json'), 'utf8'))).toEqual(result);
  return { code, result, text };
}

describe('npm run bench -- chaos', () => {
  test('kills processes and servers of its own under load, and no payment is lost', async () => {
    const faults = 'worker-kill-before-commit,router-kill-after-enqueue,postgres-restart,redis-restart,clock-jump';
    const { code, result, text } = await chaos('own', ['--faults', faults, '--rate', '80', '--seed', '3'], {
      PATH: process.env['PATH'],
    });
    expect(result.results.flatMap(({ fault, failures }) => failures.map((failure) => [fault, failure]))).toEqual([]);
    expect(result.notRun).toEqual([]);
    expect(result.run.state).toBe('complete');
    expect(code).toBe(0);
    expect(result.results.map(({ fault }) => fault).sort()).toEqual(faults.split(',').sort());
    expect(new Set(result.results.map(({ style }) => style)).size).toBe(2);
    for (const one of result.results) {
      expect(one.openAtInjection).toBeGreaterThan(0);
      expect(one.zeroOpenSeconds).not.toBeNull();
      expect(Math.max(...(one.timeline?.open ?? []))).toBeGreaterThan(0);
      expect(one.answers.unresolved).toBe(0);
    }
    expect(result.results.some(({ beforePerSecond }) => beforePerSecond > 0)).toBe(true);
    expect(result.score).toMatchObject({ touched: 0, examined: expect.any(Number) });
    expect(result.score.examined).toBeGreaterThan(500);
    expect(result.environment).toMatchObject({ postgres: { how: expect.stringMatching(/embedded/) } });
    expect(readFileSync(join(directory, 'own', 'report.html'), 'utf8')).toMatch(/All 5 faults were survived/);
    expect(text).toMatch(/seed 3; again: npm run bench -- chaos --quick --faults .* --seed 3/);
  }, 300_000);

  test('leaves servers alone that it was given, and is red when receipts are switched off', async () => {
    const argv = ['--engines', 'orchestration', '--rate', '60', '--sabotage', 'receipts-off'];
    const { code, result, text } = await chaos(
      'given',
      [...argv, '--faults', 'reply-lost,redis-flush,postgres-restart'],
      givenServers(),
    );
    expect(code).toBe(1);
    expect(result.notRun.map(({ fault, why }) => [fault, why.split(' ')[0]]).sort()).toEqual([
      ['postgres-restart', 'DATABASE_URL'],
      ['redis-flush', 'REDIS_URL'],
    ]);
    const [one] = result.results;
    expect(one).toMatchObject({ fault: 'reply-lost', style: 'orchestration' });
    expect(one?.violations.map(({ code: invariant }) => invariant)).toEqual(expect.arrayContaining(['B5']));
    expect(text).toMatch(/0 of 1 faults survived, 2 not run/);
    expect(await leftOvers(result.run.id)).toEqual({ databases: 0, keys: 0 });
  }, 90_000);

  test('interrupted, it keeps what it has and leaves nothing behind', async () => {
    const { code, result } = await chaos(
      'interrupted',
      ['--faults', 'worker-kill', '--rate', '60'],
      givenServers(),
      (so_far, stop) => {
        if (so_far.includes('worker-kill, 1 of 1')) stop();
      },
    );
    expect(code).toBe(3);
    expect(result.run.state).toBe('interrupted');
    expect(await leftOvers(result.run.id)).toEqual({ databases: 0, keys: 0 });
  }, 60_000);
});
