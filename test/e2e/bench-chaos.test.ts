import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ChaosResult } from '../../bench/chaos/chaos-result.ts';
import { bench } from '../../bench/command.ts';
import { openConnection } from '../../runtime/database.ts';
import { openRedis } from '../../runtime/redis.ts';
import { testServices } from '../support/services.ts';

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
  const stopped = new AbortController();
  let [text, json] = ['', ''];
  const write = (more: string): void => {
    text += more;
    during?.(text, () => {
      stopped.abort(new Error('interrupted'));
    });
  };
  const out = join(directory, name);
  const code = await bench(['chaos', '--quick', ...argv, '--out', out, '--json'], {
    stdout: { write: (more) => (json += more) },
    stderr: { write },
    now: () => new Date(),
    pid: process.pid,
    env,
    signal: stopped.signal,
  });
  const result = JSON.parse(json) as ChaosResult;
  expect(JSON.parse(readFileSync(join(out, 'chaos.json'), 'utf8'))).toEqual(result);
  return { code, result, text };
}

const given = (): NodeJS.ProcessEnv => {
  const { adminUrl, redisUrl } = testServices();
  return { DATABASE_URL: adminUrl, REDIS_URL: redisUrl };
};

async function leftOvers(runId: string): Promise<{ databases: number; keys: number }> {
  const { adminUrl, redisUrl } = testServices();
  const connection = await openConnection({ url: adminUrl });
  const databases = await connection.query('select 1 from pg_database where datname like $1', [
    `%${runId.replaceAll('-', '_')}%`,
  ]);
  await connection.close();
  const redis = openRedis(redisUrl, 'test');
  const keys = await redis.keys(`*${runId}*`);
  redis.disconnect();
  return { databases: databases.length, keys: keys.length };
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
      given(),
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
      given(),
      (so_far, stop) => {
        if (so_far.includes('worker-kill, 1 of 1')) stop();
      },
    );
    expect(code).toBe(3);
    expect(result.run.state).toBe('interrupted');
    expect(await leftOvers(result.run.id)).toEqual({ databases: 0, keys: 0 });
  }, 60_000);
});
