import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { asked, partsOf } from '../../consistency/nightly/part.ts';
import type { NightlyReport } from '../../consistency/nightly/report.ts';
import { openConnection } from '../../runtime/database.ts';
import { brokenIn, nightlyStage } from '../support/nightly-stage.ts';

const orders = 1_000;
const parts = partsOf(false).length;

const stage = nightlyStage(orders);
const { nightly, command, mended, wrongBalance, runs } = stage;

/** A lock on a table that only some parts read: the run gets as far as the first of them, and waits. */
async function holdBack(table = 'event_store') {
  const holder = await openConnection({ url: stage.db.url });
  await holder.query(`begin; lock table ${table} in access exclusive mode`);
  const release = async (): Promise<void> => {
    await holder.query('rollback');
    await holder.close();
  };
  const waiting = async (): Promise<number> => {
    for (;;) {
      const [row] = await stage.db.pool.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and application_name = 'sagashift-nightly' and wait_event_type = 'Lock'`,
      );
      if (row !== undefined) return row.pid;
    }
  };
  return { waiting, release };
}

const done = async (): Promise<string[]> =>
  (await stage.db.pool.query<{ part: string }>('select part from verification_part order by taken_at')).map(
    ({ part }) => part,
  );

interface Spawned {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  said(): string;
}
function spawned(...argv: string[]): Spawned {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'scripts/verify.ts', '--nightly', '--out', stage.out, ...argv],
    {
      env: { PATH: process.env['PATH'], DATABASE_URL: stage.db.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, ended: once(child, 'close'), said: () => text };
}

describe('a night that is no proof', () => {
  test('orders of an engine that nobody knows: in doubt, exit 3, and recorded as no clean night', async () => {
    await stage.db.pool.query(
      `update orders set engine = 'abacus' where id = (select min(id) from orders where engine = 'legacy' and status = 'BALANCE_INSUFFICIENT')`,
    );
    mended.push(() => stage.db.pool.query(`update orders set engine = 'legacy' where engine = 'abacus'`));
    const { code, out: said, err } = await command(['--json']);
    const report = JSON.parse(said) as NightlyReport;
    expect(brokenIn(report)).toEqual({});
    expect(report.doubts).toEqual([expect.stringContaining("the engine 'abacus'")]);
    expect([code, err]).toEqual([3, expect.stringContaining('no proof')]);
    expect(await stage.db.pool.query('select jsonb_array_length(doubts) as n from verification_run')).toEqual([
      { n: 1 },
    ]);
  });
});

describe('a nightly run', () => {
  test('asks every invariant but those of an idle database, and records each part with its snapshot and the verdict', async () => {
    const report = await nightly();
    expect(report).toMatchObject({
      violations: 0,
      resumptions: 0,
      resumedAt: null,
      host: hostname(),
      score: { examined: orders, touched: 0 },
    });
    expect(report.perInvariant.map(({ code }) => code)).toEqual(asked.map(({ code }) => code));
    expect(report.score.lowerBound95).toBeCloseTo(1 - 3 / orders, 4);
    expect(Object.values(report.checked).reduce((sum, n) => sum + n, 0)).toBe(orders);
    expect(Object.keys(report.checked).sort()).toEqual(['choreography', 'legacy', 'legacy-lean', 'orchestration']);
    expect(report.parts).toHaveLength(parts);
    expect(report.snapshots).toBe(parts);
    expect(await runs()).toEqual([{ status: 'FINISHED', resumptions: 0, violations: 0, checked: orders }]);
  });

  test('names what is broken with ids, and since which night as long as it stays so', async () => {
    const clean = await nightly();
    await wrongBalance(7);
    const first = await nightly();
    expect(brokenIn(first)).toEqual({ B1: ['balance 7'], B4: [expect.stringContaining('balance ledger entry')] });
    expect(first.score.touched).toBe(2);
    const second = await nightly();
    const since = (report: NightlyReport) => report.perInvariant.find(({ code }) => code === 'B1')?.since;
    expect([since(clean), since(first), since(second)]).toEqual([null, first.startedAt, first.startedAt]);
    await mended.pop()?.();
    expect(since(await nightly())).toBeNull();
    await wrongBalance(7);
    const again = await nightly();
    expect(since(again)).toBe(again.startedAt);
    expect(again.history.map(({ violations }) => (violations ?? 0) > 0)).toEqual([false, true, true, false, true]);
  });

  test('rebuilds from events as one more part when it is told to', async () => {
    await wrongBalance(7);
    const report = await nightly({ fromEvents: true });
    expect(Object.keys(brokenIn(report))).toEqual(expect.arrayContaining(['B1', 'F4']));
    expect(report.parts.at(-1)?.name).toBe('from events');
  });

  test('is refused while another one is on, which is named with host, process and time', async () => {
    const { waiting, release } = await holdBack();
    const first = nightly();
    await waiting();
    expect(await command([])).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringMatching(
        new RegExp(
          `^a nightly run is on already: run \\d+ on ${hostname()}, pid ${process.pid}, since \\d{4}-\\d\\d-\\d\\d [\\d:]{8} UTC, \\d+ parts done\\n$`,
        ),
      ),
    });
    await release();
    expect((await first).violations).toBe(0);
  });

  test('that was just begun by another one is named as that', async () => {
    const other = await openConnection({ url: stage.db.url });
    await other.query('select pg_advisory_lock(-7207003)');
    expect(await command([])).toMatchObject({ code: 3, err: 'a nightly run is on already: it has only just begun\n' });
    await other.close();
  });
});

describe('a run that was killed', () => {
  test('goes on where it was: nothing is asked twice, and what both halves found is one finding each', async () => {
    await wrongBalance(7);
    const { waiting, release } = await holdBack();
    const { child, ended } = spawned();
    const pid = await waiting();
    const before = await done();
    expect(before.length).toBeGreaterThan(0);
    expect(before.length).toBeLessThan(parts);
    child.kill('SIGKILL');
    await ended;
    await stage.db.pool.query('select pg_terminate_backend($1)', [pid]); // the server notices later that nobody listens
    await release();
    await mended.pop()?.(); // The first half saw it, the second would not.
    const [event] = await stage.db.pool.query<{ global_seq: number }>(
      `select min(global_seq) as global_seq from event_store where event_type = 'payment.completed'`,
    );
    const rename = (type: string) =>
      stage.db.pool.query('update event_store set event_type = $1 where global_seq = $2', [type, event?.global_seq]);
    await rename('stock.confirmed');
    mended.push(() => rename('payment.completed'));

    const lines: string[] = [];
    const report = await nightly({ say: (line) => lines.push(line) });
    expect(lines).toEqual([
      expect.stringMatching(
        new RegExp(
          `^run ${report.runId} of .* UTC \\(.*, pid ${child.pid}\\) goes on: ${before.length} of ${parts} parts were done$`,
        ),
      ),
    ]);
    expect(brokenIn(report)).toMatchObject({ B1: ['balance 7'], E2: expect.anything() as unknown });
    expect(report.parts.map(({ name }) => name).slice(0, before.length)).toEqual(before);
    expect(await done()).toHaveLength(parts);
    expect(await runs()).toEqual([
      { status: 'FINISHED', resumptions: 1, violations: report.violations, checked: orders },
    ]);
  });

  test('is not resumed after so many hours, nor by a version with other questions, and has nothing to say', async () => {
    for (const [change, why] of [
      [`started_at = now() - interval '13 hours'`, 'it was begun 13 hours ago'],
      [`catalogue = 'another'`, 'another version asked other questions'],
    ]) {
      const { waiting, release } = await holdBack();
      const stop = new AbortController();
      const first = nightly({}, stop.signal);
      await waiting();
      stop.abort();
      await expect(first).rejects.toThrow('interrupted');
      await release();
      await stage.db.pool.query(`update verification_run set ${change} where status = 'RUNNING'`);
      const ran = await command([]);
      expect(ran).toMatchObject({
        code: 0,
        err: expect.stringContaining(`is abandoned, ${why}: a new one begins`) as unknown,
      });
      expect(await runs()).toMatchObject([
        { status: 'ABANDONED', checked: null },
        { status: 'FINISHED', resumptions: 0 },
      ]);
      await stage.db.pool.query('delete from verification_run');
    }
  });

  test('by the loss of its connection ends with 4; the next start goes on', async () => {
    const { waiting, release } = await holdBack();
    const ran = command([]);
    await stage.db.pool.query('select pg_terminate_backend($1)', [await waiting()]);
    expect(await ran).toMatchObject({ code: 4, out: '' });
    await release();
    expect(await command([])).toMatchObject({ code: 0, err: expect.stringContaining('goes on') as unknown });
  });

  test('whose lock was lost writes nothing any more', async () => {
    const { waiting, release } = await holdBack();
    const ran = command([]);
    await waiting();
    const before = await done();
    const holding = `from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database()) and objid = 4287760293`;
    await stage.db.pool.query(`select pg_terminate_backend(pid) ${holding}`);
    while ((await stage.db.pool.query(`select ${holding}`)).length > 0);
    await release();
    expect(await ran).toMatchObject({ code: 4, err: 'the session that held the lock of the nightly run was lost\n' });
    expect(await done()).toEqual(before);
  });
});

describe('Ctrl-C', () => {
  test('ends the statement in hand, says how far it was, and leaves a run that goes on', async () => {
    const { waiting, release } = await holdBack();
    const { child, ended, said } = spawned();
    const pid = await waiting();
    child.kill('SIGINT');
    expect(await ended).toEqual([4, null]);
    expect(said()).toMatch(
      /^interrupted: run \d+ has done \d+ of \d+ parts, and the next start goes on with the rest\n$/,
    );
    expect(await stage.db.pool.query('select from pg_stat_activity where pid = $1', [pid])).toEqual([]);
    await release();
    expect(await command([])).toMatchObject({ code: 0, err: expect.stringContaining('goes on') as unknown });
  });

  test('before the first part does nothing but begin', async () => {
    const stop = AbortSignal.abort();
    await expect(nightly({}, stop)).rejects.toThrow(`has done 0 of ${parts} parts`);
    expect(await done()).toEqual([]);
  });
});

describe('what is left of old nights', () => {
  test('is removed after so many days, but counted on', async () => {
    await stage.db.pool.query(
      `insert into verification_run (mode, started_at, finished_at, checked, violations)
       select m, now() - d * interval '1 day', now(), 10, 3 from (values ('nightly', 401), ('live', 500), ('nightly', 399)) v (m, d)`,
    );
    await stage.db.pool.query(
      `insert into verification_finding (run_id, code, severity, violations, sample) select id, 'B1', 'money', 3, '[]' from verification_run`,
    );
    await nightly();
    await nightly();
    expect(await runs()).toHaveLength(3);
    expect(await stage.db.pool.query('select what, total from verification_pruned order by what')).toEqual([
      { what: 'checked', total: 20 },
      { what: 'money', total: 6 },
    ]);
  });
});
