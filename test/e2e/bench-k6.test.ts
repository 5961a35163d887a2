import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readResult } from '../../bench/result-file.ts';
import { openConnection } from '../../runtime/database.ts';
import { repository } from '../../runtime/repository.ts';
import { dropDatabase } from '../../runtime/databases.ts';
import { benchCommand, givenServers } from '../support/bench-command.ts';
import { testServices } from '../support/services.ts';

const available = existsSync(process.env['K6_BIN'] ?? join(repository, 'bin', 'k6'));

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-k6-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function run(name: string, argv: readonly string[]) {
  const path = join(directory, name);
  const { code, out, err } = await benchCommand(['--scenario', 'failures', ...argv, '--out', path], {
    ...process.env,
    ...givenServers(),
  });
  return { code, text: err + out, out: path, result: readResult(join(path, 'result.json')) };
}

/** The log of the one round, without who was asked again when it was over. */
function operationsOf(out: string): Record<string, unknown>[] {
  const [name] = readdirSync(join(out, 'raw')).filter((one) => one.endsWith('.ndjson.gz'));
  const [, ...lines] = gunzipSync(readFileSync(join(out, 'raw', name ?? '')))
    .toString()
    .trimEnd()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ attempt }) => attempt === 1);
}

describe('npm run bench with k6', () => {
  test('there is a k6 where CI runs', () => {
    expect(available || process.env['CI'] !== 'true').toBe(true);
  });

  const withK6 = available ? test : test.failing;
  withK6(
    'reads back every payment that k6 made, as the database has it',
    async () => {
      const { adminUrl } = testServices();
      const argv = [
        '--load',
        'k6',
        '--rate',
        '150',
        '--engines',
        'legacy-lean',
        '--rounds',
        '1',
        '--duration',
        '1',
        '--keep',
      ];
      const { code, result, out, text } = await run('k6', argv);
      expect({ code, state: result.run.state, text }).toMatchObject({ code: 0, state: 'complete' });
      expect(result.run.load).toMatchObject({
        driver: 'k6',
        ratePerSecond: 150,
        version: expect.stringMatching(/^k6 v/),
      });
      const [round] = result.arms[0]?.rounds ?? [];
      expect(round).toMatchObject({
        valid: true,
        counting: { otherEngine: 0, unseen: 0 },
        consistency: { violations: 0 },
      });
      expect(round?.offered?.thresholds.map(({ metric }) => metric).sort()).toEqual([
        'availability',
        'dropped_iterations',
        'success',
      ]);

      const operations = operationsOf(out);
      const arrivals = round?.offered?.arrivals ?? 0;
      expect(operations).toHaveLength(arrivals - (round?.offered?.unserved ?? 0));
      expect(arrivals).toBeGreaterThanOrEqual(225); // half a second of lead-in, one of window
      expect(round?.counting).toMatchObject({ driver: operations.length, database: operations.length });
      const name = `sagashift_bench_${result.run.id.replaceAll('-', '_')}_failures_legacy_lean`;
      const url = new URL(adminUrl);
      url.pathname = `/${name}`;
      const database = await openConnection({ url: url.href });
      const ids = operations.map(({ orderId }) => Number(orderId));
      const rows = await database.query<{
        id: number;
        user: number;
        payment: number | null;
        code: string | null;
        engine: string;
      }>(
        `select orders.id, orders.user_id as user, payments.id as payment, refusal_code as code, orders.engine
         from orders left join payments on payments.order_id = orders.id
        where orders.id between $1 and $2 and orders.status <> 'PENDING' order by orders.id`,
        [Math.min(...ids), Math.max(...ids)],
      );
      await database.close();
      const seen = operations
        .map(({ orderId, userId, paymentId, code: said, engine }) => ({
          id: Number(orderId),
          user: Number(userId),
          payment: paymentId,
          code: said,
          engine,
        }))
        .sort((a, b) => a.id - b.id);
      expect(rows).toEqual(seen);
      expect(new Set(seen.map((one) => one.code)).size).toBeGreaterThan(1);
      for (const one of (await listDatabases(adminUrl)).filter((row) =>
        row.startsWith(`sagashift_bench_${result.run.id.replaceAll('-', '_')}`),
      ))
        await dropDatabase(adminUrl, one);
    },
    60_000,
  );

  test('our own open loop asks the same question and is counted the same way', async () => {
    const argv = [
      '--load',
      'open',
      '--rate',
      '100',
      '--engines',
      'orchestration',
      '--rounds',
      '1',
      '--duration',
      '0.5',
    ];
    const { code, result, text } = await run('open', argv);
    expect({ code, text }).toMatchObject({ code: 0 });
    const [round] = result.arms[0]?.rounds ?? [];
    expect(round).toMatchObject({ valid: true, offered: { ratePerSecond: 100, arrivals: 100, thresholds: [] } });
    expect(round?.counting.driver).toBe(round?.counting.database);
  }, 60_000);
});

async function listDatabases(adminUrl: string): Promise<string[]> {
  const connection = await openConnection({ url: adminUrl });
  const rows = await connection.query<{ datname: string }>('select datname from pg_database');
  await connection.close();
  return rows.map(({ datname }) => datname);
}
