import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dropAbandonedData, endAbandonedProcesses, openRunRecord } from '../../bench/run-record.ts';
import { readResult } from '../../bench/result-file.ts';
import type { Result } from '../../bench/result.ts';
import { createDatabase } from '../../runtime/databases.ts';
import { openRedis } from '../../runtime/redis.ts';
import { identify, isAlive } from '../../runtime/services/processes.ts';
import { benchCommand, givenServers, leftOvers } from '../support/bench-command.ts';
import { testServices } from '../support/services.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-e2e-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function run(
  name: string,
  argv: readonly string[],
  during?: (text: string, stop: () => void) => void,
): Promise<{ code: number; result: Result; text: string; path: string }> {
  const path = join(directory, name);
  const { code, out, err } = await benchCommand([...argv, '--out', path, '--json'], givenServers(), during);
  expect(JSON.parse(out)).toMatchObject({ schemaVersion: '1.1.0' });
  return { code, text: err, path, result: readResult(join(path, 'result.json')) };
}

describe('npm run bench', () => {
  test('measures, verifies, compares and reports, on servers that were given, and leaves nothing on them', async () => {
    const argv = [
      '--full',
      '--scenario',
      'bare',
      '--engines',
      'legacy-lean,orchestration',
      '--rounds',
      '2',
      '--duration',
      '0.5',
    ];
    const { code, result, text, path } = await run('full', argv);

    expect(text).toContain('legacy-lean (A/A)');
    expect({
      code,
      state: result.run.state,
      degraded: result.guard.filter((row) => row.degraded),
      violated: text.split('\n').filter((line) => line.startsWith('VIOLATED')),
      reasons: result.validity.reasons.filter((reason) => !/cores|busy|differ by|could not be seen/.test(reason)),
    }).toEqual({
      code: 0,
      state: 'complete',
      degraded: [],
      violated: [],
      reasons: [],
    });
    expect(result.arms.map((arm) => [arm.name, arm.rounds.length, arm.verified, arm.violations])).toEqual([
      ['legacy-lean', 2, true, 0],
      ['orchestration', 2, true, 0],
      ['legacy-lean (A/A)', 2, true, 0],
    ]);
    for (const arm of result.arms) {
      expect(arm.ordersVerified).toBeGreaterThan(100);
      for (const round of arm.rounds) {
        expect(round.settledPerSecond).toBeGreaterThan(0);
        expect(round.counting.driver).toBe(round.counting.database);
        expect(round.delivery.received).toBe(round.outcomes.paid);
        expect(round.cost.roundTrips).toBeGreaterThan(0);
        // Of a server that was given and runs in a container the CPU can't be found.
        expect((round.cost.cpuMicros.postgres ?? 0) > 0).toBe(process.env['SERVICES'] !== 'docker');
        expect(round.cost.walBytes).toBeGreaterThan(0);
        expect(round.locks.length).toBeGreaterThan(0);
        expect(round.transactionMs[0]?.sumMs.count).toBeGreaterThan(0);
      }
    }
    expect(result.comparisons.filter((one) => one.metric === 'settled/s')).toMatchObject([
      { candidate: 'orchestration', rounds: 2 },
    ]);
    expect(result.drills).toMatchObject([
      { engine: 'orchestration', violations: 0, secondsToZeroOpen: expect.any(Number) },
    ]);
    expect(result.kpis.find((one) => one.id === 'recovery')).toMatchObject({ verdict: 'met' });
    expect(result.environment.postgres.how).toContain('DATABASE_URL');
    expect(readFileSync(join(path, 'report.html'), 'utf8')).toContain('scenario-bare');
    const [log] = readdirSync(join(path, 'raw')).filter((name) => name.endsWith('.ndjson.gz'));
    expect(gunzipSync(readFileSync(join(path, 'raw', log ?? ''))).toString()).toMatch(
      /^{"log":"sagashift-operations",.*\n{"orderId":\d+,/,
    );
    for (const { consistency, outcomes } of result.arms.flatMap(({ rounds }) => rounds)) {
      expect(consistency.clientLog?.invariants.map(({ code, violations }) => [code, violations])).toEqual(
        ['A1', 'A2', 'A3', 'A4'].map((code) => [code, 0]),
      );
      expect(consistency.clientLog?.invariants[3]?.examined).toBeGreaterThanOrEqual(50);
      expect(consistency.checked).toBe(Object.values(outcomes).reduce((sum, count) => sum + count, 0)); // none that was asked again
    }
    expect(await leftOvers(result.run.id)).toEqual({ databases: 0, keys: 0 });
  }, 120_000);

  test('an interrupted run keeps what was measured and leaves nothing behind', async () => {
    const argv = ['--scenario', 'coexist', '--rounds', '20', '--duration', '2']; // long enough for both sides on a busy machine
    const { code, result, text, path } = await run('interrupted', argv, (so_far, stop) => {
      if (so_far.includes('round 2 of')) stop();
    });
    expect(code).toBe(3);
    expect(result.run.state).toBe('interrupted');
    expect(text).toContain('coexist');
    const [arm] = result.arms;
    expect(arm?.rounds.length).toBeGreaterThanOrEqual(1);
    expect(Object.keys(arm?.rounds[0]?.settledByEngine ?? {}).sort()).toEqual(['legacy', 'orchestration']);
    expect(existsSync(join(path, 'report.html'))).toBe(true);
    expect(await leftOvers(result.run.id)).toEqual({ databases: 0, keys: 0 });
  }, 60_000);

  test('a fault that is switched on turns the run red', async () => {
    const argv = [
      '--scenario',
      'bare',
      '--engines',
      'legacy-lean',
      '--rounds',
      '1',
      '--duration',
      '0.5',
      '--sabotage',
      'answer-before-commit',
    ];
    const { code, text } = await run('sabotage', argv);
    expect(text).toMatch(/VIOLATED A1 in bare, legacy-lean/);
    expect(code).toBe(1);
  }, 60_000);
});

describe('what a run that was killed left', () => {
  test('is ended and dropped by the next one, and what lives is let alone', async () => {
    const { adminUrl, redisUrl } = testServices();
    const records = join(directory, 'records');
    const runId = `killed-${process.pid}`;
    const redis = openRedis(redisUrl, 'test');
    await redis.set(`sagashift-bench-${runId}:a`, '1');
    const name = `sagashift_bench_killed_${process.pid}`;
    await createDatabase(adminUrl, name);

    // Another process takes the record, starts a child and is killed.
    const script = `
      import { spawn } from 'node:child_process';
      import { openRunRecord } from '${join(process.cwd(), 'bench/run-record.ts')}';
      const record = openRunRecord(${JSON.stringify(records)}, ${JSON.stringify(runId)}, 'sagashift-bench-${runId}');
      record.addDatabase(${JSON.stringify(name)});
      const child = spawn('sleep', ['600'], { stdio: 'ignore' });
      record.addProcess(child.pid);
      console.log(child.pid);
      setInterval(() => {}, 1000);`;
    const dying = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) =>
      dying.stdout.once('data', (data: Buffer) => resolve(Number(data.toString()))),
    );
    const orphan = identify(pid);
    const living = openRunRecord(records, 'living', 'sagashift-bench-living');
    dying.kill('SIGKILL');
    await new Promise((resolve) => dying.once('close', resolve));

    await endAbandonedProcesses(records);
    expect(orphan !== undefined && isAlive(orphan)).toBe(false);
    expect(await dropAbandonedData(records, { databaseUrl: adminUrl, redisUrl })).toBe(1);
    expect(await leftOvers(runId)).toEqual({ databases: 0, keys: 0 });
    expect(await redis.exists(`sagashift-bench-${runId}:a`)).toBe(0);
    expect(readdirSync(records)).toEqual(['living.json']);
    living.close();
    expect(readdirSync(records)).toEqual([]);
    redis.disconnect();
  }, 40_000);
});
