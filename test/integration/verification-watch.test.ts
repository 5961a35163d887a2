import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Tx } from '../../domain/ports.ts';
import { createLog } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { watchVerifications } from '../../router/verification-watch.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const watch of running.splice(0)) await watch.stop();
  await db.pool.query('delete from verification_run; delete from verification_pruned');
});

/** What the metrics say, by line; `until` is polled since the watch works on its own. */
async function watching(tx: Tx = db.pool) {
  const metrics = createMetrics();
  const lines: string[] = [];
  const log = createLog('test', 'silent');
  log.warn = ((_: unknown, message: string) => void lines.push(message)) as typeof log.warn;
  running.push(await watchVerifications({ tx, metrics, log, pollMs: 5 }));
  const says = async (): Promise<string[]> =>
    (await metrics.registry.metrics())
      .split('\n')
      .filter((line) => /^payment_(consistency|verification)_/.test(line) && !line.endsWith(' 0'));
  const until = async (wanted: readonly string[]): Promise<void> => {
    const deadline = performance.now() + 10_000;
    while (performance.now() < deadline && (await says()).join() !== wanted.join()) await db.pool.query('select 1');
    expect(await says()).toEqual(wanted);
  };
  return { metrics, says, until, lines };
}

const recordPass = async (checked: number, findings: readonly [code: string, severity: string, n: number][] = []) => {
  const violations = findings.reduce((sum, [, , n]) => sum + n, 0);
  await db.pool.transaction(async (tx) => {
    const [run] = await tx.query<{ id: number }>(
      `insert into verification_run (mode, started_at, finished_at, checked, violations)
       values ('drained', '2026-01-01', '2026-01-02', $1, $2) returning id`,
      [checked, violations],
    );
    for (const [code, severity, n] of findings) {
      await tx.query(`insert into verification_finding values ($1, $2, $3, $4, '[]')`, [run?.id, code, severity, n]);
    }
  });
};

const cleanAt = `payment_verification_last_success_timestamp_seconds ${Date.UTC(2026, 0, 2) / 1_000}`;

describe('the figures of recorded verifications', () => {
  test('say nothing of a success that never was, and have every severity at 0', async () => {
    await recordPass(0); // A pass over nothing proves nothing.
    const { metrics, says } = await watching();
    expect(await says()).toEqual([]);
    const text = await metrics.registry.metrics();
    for (const severity of ['money', 'stock', 'process', 'delivery', 'other'])
      expect(text).toContain(`payment_consistency_mismatches_total{severity="${severity}"} 0`);
  });

  test('start at what is recorded, and follow', async () => {
    await recordPass(100);
    const { says, until } = await watching();
    expect(await says()).toEqual(['payment_consistency_checked_total 100', cleanAt]);
    await recordPass(50, [
      ['B1', 'money', 2],
      ['B2', 'money', 1],
      ['S1', 'stock', 4],
    ]);
    await until([
      'payment_consistency_checked_total 150',
      'payment_consistency_mismatches_total{severity="money"} 3',
      'payment_consistency_mismatches_total{severity="stock"} 4',
      cleanAt,
    ]);
  });

  test('show the last nightly run, and that it is not over when one is on', async () => {
    const { metrics } = await watching();
    const nightly = async (): Promise<string[]> =>
      (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('payment_nightly_'));
    expect(await nightly()).toEqual(['payment_nightly_expected_interval_seconds 93600']);
    await db.pool.query(
      `insert into verification_run (mode, status, started_at, finished_at, checked, violations, proven, duration_ms) values
         ('nightly', 'FINISHED', '2026-01-01', '2026-01-02', 100, 0, 0.97, 1500), ('nightly', 'RUNNING', '2026-01-03', null, null, null, null, null),
         ('live', 'FINISHED', '2026-01-03', '2026-01-03', 7, 1, null, null)`,
    );
    const ended = `payment_nightly_last_run_timestamp_seconds ${Date.UTC(2026, 0, 2) / 1_000}`;
    while (!(await nightly()).includes(ended)) await db.pool.query('select 1');
    expect(await nightly()).toEqual(
      expect.arrayContaining([
        'payment_nightly_success 1',
        'payment_nightly_duration_seconds 1.5',
        'payment_nightly_examined_orders 100',
        'payment_nightly_proven_ratio 0.97',
        'payment_nightly_violations{severity="money"} 0',
      ]),
    );
  });

  test('go on from what was pruned', async () => {
    await recordPass(100, [['B1', 'money', 2]]);
    const { until, says } = await watching();
    expect(await says()).toContain('payment_consistency_checked_total 100');
    await db.pool.query(
      `with gone as (delete from verification_run returning checked)
       insert into verification_pruned select 'checked', checked from gone union all select 'money', 2`,
    );
    await recordPass(30, [['B1', 'money', 1]]);
    await until(['payment_consistency_checked_total 130', 'payment_consistency_mismatches_total{severity="money"} 3']);
  });

  test('take no label from a row', async () => {
    await recordPass(10, [['X', 'user-4711"} 1', 5]]);
    const { says } = await watching();
    expect(await says()).toEqual([
      'payment_consistency_checked_total 10',
      'payment_consistency_mismatches_total{severity="other"} 5',
    ]);
  });

  test('never count backwards when rows are removed', async () => {
    await recordPass(100);
    let asked = 0;
    const counting: Tx = { query: (text, values) => ((asked += 1), db.pool.query(text, values)) };
    const { says, until } = await watching(counting);
    await db.pool.query('delete from verification_run');
    for (const from = asked; asked < from + 2;) await db.pool.query('select 1'); // It has seen that nothing is left.
    expect(await says()).toEqual(['payment_consistency_checked_total 100', cleanAt]);
    await recordPass(30);
    await until(['payment_consistency_checked_total 130', cleanAt]);
  });

  test('stay as they are while the database is away, with one line, and come back', async () => {
    await recordPass(100);
    let away = false;
    let asked = 0;
    const tx: Tx = {
      query: (text, values) => {
        asked += 1;
        return away ? Promise.reject(new Error('away')) : db.pool.query(text, values);
      },
    };
    const { until, lines, says } = await watching(tx);
    away = true;
    for (const from = asked; asked < from + 4;) await db.pool.query('select 1');
    expect(lines).toEqual(['the figures of verification are stale']);
    expect(await says()).toEqual(['payment_consistency_checked_total 100', cleanAt]);
    away = false;
    await recordPass(1);
    await until(['payment_consistency_checked_total 101', cleanAt]);
  });
});
