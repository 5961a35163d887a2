import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { runVerify } from '../../consistency/command.ts';
import { runNightly } from '../../consistency/nightly/nightly.ts';
import { asked, partsOf } from '../../consistency/nightly/part.ts';
import type { NightlyReport } from '../../consistency/nightly/report.ts';
import { openConnection } from '../../runtime/database.ts';
import { databaseUrl, NotOursError } from '../../runtime/databases.ts';
import { paidOrders } from '../support/paid-orders.ts';
import { type FreshDatabase, freshDatabase, testServices } from '../support/services.ts';

const orders = 1_000;
const parts = partsOf(false).length;

let db: FreshDatabase;
let out = '';
beforeAll(async () => {
  db = await freshDatabase();
  await paidOrders(db.url, orders);
  out = mkdtempSync(join(tmpdir(), 'nightly-'));
});
afterAll(async () => {
  rmSync(out, { recursive: true, force: true });
  await db.drop();
});

const mended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const mend of mended.splice(0)) await mend();
  await db.pool.query('delete from verification_run; delete from verification_pruned');
});

const never = new AbortController().signal;
const nightly = (options: Parameters<typeof runNightly>[1] = {}): Promise<NightlyReport> =>
  runNightly(db.url, options, never);

async function command(argv: readonly string[], { env = {}, signal = never, url = db.url } = {}) {
  let [stdout, stderr] = ['', ''];
  const code = await runVerify(['--nightly', ...argv], {
    env: { DATABASE_URL: url, SAGASHIFT_NIGHTLY_OUT: join(out, 'default'), ...env },
    out: (text) => (stdout += text),
    err: (text) => (stderr += text),
    signal,
  });
  return { code, out: stdout, err: stderr };
}

/** A won that no ledger knows of, until the test ends. */
async function wrongBalance(user: number): Promise<void> {
  await db.pool.query('update balances set amount = amount + 1 where user_id = $1', [user]);
  mended.push(() => db.pool.query('update balances set amount = amount - 1 where user_id = $1', [user]));
}

const broken = ({ perInvariant }: NightlyReport): object =>
  Object.fromEntries(
    perInvariant.filter(({ violations }) => violations > 0).map(({ code, violators }) => [code, violators]),
  );

const runs = (): Promise<object[]> =>
  db.pool.query('select status, resumptions, violations, checked from verification_run order by id');

/** A lock on a table that only some parts read: the run gets as far as the first of them, and waits. */
async function holdBack(table = 'event_store') {
  const holder = await openConnection({ url: db.url });
  await holder.query(`begin; lock table ${table} in access exclusive mode`);
  const release = async (): Promise<void> => {
    await holder.query('rollback');
    await holder.close();
  };
  const waiting = async (): Promise<number> => {
    for (;;) {
      const [row] = await db.pool.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and application_name = 'sagashift-nightly' and wait_event_type = 'Lock'`,
      );
      if (row !== undefined) return row.pid;
    }
  };
  return { waiting, release };
}

const done = async (): Promise<string[]> =>
  (await db.pool.query<{ part: string }>('select part from verification_part order by taken_at')).map(
    ({ part }) => part,
  );

interface Spawned {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  said(): string;
}
function spawned(...argv: string[]): Spawned {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/verify.ts', '--nightly', '--out', out, ...argv], {
    env: { PATH: process.env['PATH'], DATABASE_URL: db.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, ended: once(child, 'close'), said: () => text };
}

describe('a night that is no proof', () => {
  test('orders of an engine that nobody knows: in doubt, exit 3, and recorded as no clean night', async () => {
    await db.pool.query(
      `update orders set engine = 'abacus' where id = (select min(id) from orders where engine = 'legacy' and status = 'BALANCE_INSUFFICIENT')`,
    );
    mended.push(() => db.pool.query(`update orders set engine = 'legacy' where engine = 'abacus'`));
    const { code, out: said, err } = await command(['--json']);
    const report = JSON.parse(said) as NightlyReport;
    expect(broken(report)).toEqual({});
    expect(report.doubts).toEqual([expect.stringContaining("the engine 'abacus'")]);
    expect([code, err]).toEqual([3, expect.stringContaining('no proof')]);
    expect(await db.pool.query('select jsonb_array_length(doubts) as n from verification_run')).toEqual([{ n: 1 }]);
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
    expect(broken(first)).toEqual({ B1: ['balance 7'], B4: [expect.stringContaining('balance ledger entry')] });
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
    expect(Object.keys(broken(report))).toEqual(expect.arrayContaining(['B1', 'F4']));
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
    const other = await openConnection({ url: db.url });
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
    await db.pool.query('select pg_terminate_backend($1)', [pid]); // the server notices later that nobody listens
    await release();
    await mended.pop()?.(); // The first half saw it, the second would not.
    const [event] = await db.pool.query<{ global_seq: number }>(
      `select min(global_seq) as global_seq from event_store where event_type = 'payment.completed'`,
    );
    const rename = (type: string) =>
      db.pool.query('update event_store set event_type = $1 where global_seq = $2', [type, event?.global_seq]);
    await rename('stock.confirmed');
    mended.push(() => rename('payment.completed'));

    const lines: string[] = [];
    const report = await runNightly(db.url, { say: (line) => lines.push(line) }, never);
    expect(lines).toEqual([
      expect.stringMatching(
        new RegExp(
          `^run ${report.runId} of .* UTC \\(.*, pid ${child.pid}\\) goes on: ${before.length} of ${parts} parts were done$`,
        ),
      ),
    ]);
    expect(broken(report)).toMatchObject({ B1: ['balance 7'], E2: expect.anything() as unknown });
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
      const first = runNightly(db.url, {}, stop.signal);
      await waiting();
      stop.abort();
      await expect(first).rejects.toThrow('interrupted');
      await release();
      await db.pool.query(`update verification_run set ${change} where status = 'RUNNING'`);
      const ran = await command([]);
      expect(ran).toMatchObject({
        code: 0,
        err: expect.stringContaining(`is abandoned, ${why}: a new one begins`) as unknown,
      });
      expect(await runs()).toMatchObject([
        { status: 'ABANDONED', checked: null },
        { status: 'FINISHED', resumptions: 0 },
      ]);
      await db.pool.query('delete from verification_run');
    }
  });

  test('by the loss of its connection ends with 4; the next start goes on', async () => {
    const { waiting, release } = await holdBack();
    const ran = command([]);
    await db.pool.query('select pg_terminate_backend($1)', [await waiting()]);
    expect(await ran).toMatchObject({ code: 4, out: '' });
    await release();
    expect(await command([])).toMatchObject({ code: 0, err: expect.stringContaining('goes on') as unknown });
  });

  test('whose lock was lost writes nothing any more', async () => {
    const { waiting, release } = await holdBack();
    const ran = command([]);
    await waiting();
    const before = await done();
    await db.pool.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database()) and objid = 4287760293`,
    );
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
    expect(await db.pool.query('select from pg_stat_activity where pid = $1', [pid])).toEqual([]);
    await release();
    expect(await command([])).toMatchObject({ code: 0, err: expect.stringContaining('goes on') as unknown });
  });

  test('before the first part does nothing but begin', async () => {
    const stop = AbortSignal.abort();
    await expect(runNightly(db.url, {}, stop)).rejects.toThrow(`has done 0 of ${parts} parts`);
    expect(await done()).toEqual([]);
  });
});

describe('what is left of old nights', () => {
  test('is removed after so many days, but counted on', async () => {
    await db.pool.query(
      `insert into verification_run (mode, started_at, finished_at, checked, violations)
       select m, now() - d * interval '1 day', now(), 10, 3 from (values ('nightly', 401), ('live', 500), ('nightly', 399)) v (m, d)`,
    );
    await db.pool.query(
      `insert into verification_finding (run_id, code, severity, violations, sample) select id, 'B1', 'money', 3, '[]' from verification_run`,
    );
    await nightly();
    await nightly();
    expect(await runs()).toHaveLength(3);
    expect(await db.pool.query('select what, total from verification_pruned order by what')).toEqual([
      { what: 'checked', total: 20 },
      { what: 'money', total: 6 },
    ]);
  });
});

/** Comes with Prometheus. `.ci/run` installs it. Elsewhere a machine may do without; CI may not. */
const promtool = (input: string) => spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
const available = spawnSync('promtool', ['--version']).status === 0;

describe('the file for node_exporter', () => {
  const written = async (...argv: string[]): Promise<{ code: number; text: string }> => {
    const file = join(out, 'textfile', 'nightly.prom');
    const { code } = await command(['--metrics-file', file, ...argv], {
      env: { SAGASHIFT_NIGHTLY_EXPECTED_HOURS: '2' },
    });
    expect(readdirSync(dirname(file))).toEqual(['nightly.prom']);
    return { code, text: readFileSync(file, 'utf8') };
  };
  const samples = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

  test('says when the last run ended, how it was, and when the next is missed', async () => {
    const clean = await written();
    expect(clean.code).toBe(0);
    const [ended, ...rest] = samples(clean.text);
    expect(ended).toMatch(/^payment_nightly_last_run_timestamp_seconds \d{10}\.\d+$/);
    expect(Number(ended?.split(' ')[1])).toBeLessThanOrEqual(Date.now() / 1_000 + 5);
    expect(rest.filter((line) => !/duration|proven/.test(line))).toEqual([
      'payment_nightly_expected_interval_seconds 7200',
      'payment_nightly_success 1',
      `payment_nightly_examined_orders ${orders}`,
      ...['money', 'stock', 'process', 'delivery', 'other'].map(
        (of) => `payment_nightly_violations{severity="${of}"} 0`,
      ),
    ]);
    await wrongBalance(3);
    const broken = await written();
    expect(broken.code).toBe(1);
    expect(samples(broken.text)).toEqual(
      expect.arrayContaining(['payment_nightly_success 0', 'payment_nightly_violations{severity="money"} 2']),
    );
  });

  test('can be checked where CI runs', () => {
    expect(available || process.env['CI'] !== 'true').toBe(true);
  });
  const withPromtool = available ? test : test.failing;
  withPromtool('is as Prometheus wants it', async () => {
    const { status, stdout, stderr } = promtool((await written()).text);
    expect({ status, said: `${stdout}${stderr}` }).toEqual({ status: 0, said: '' });
  });
});

describe('the command', () => {
  test('prints the verdict first and writes JSON and a page; what is in order ends with 0', async () => {
    const ran = await command([]);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toMatch(/^The books are in order: 1,000 orders examined, at least 99\.7\d\d\d % proven\.\n/);
    const page = /^page: (.*)$/m.exec(ran.out)?.[1] as string;
    expect(page).toMatch(/\/default\/\d{4}-\d\d-\d\d-run-\d+\/report\.html$/);
    expect(readdirSync(dirname(page)).sort()).toEqual(['report.html', 'report.json']);
    const json = JSON.parse(readFileSync(join(dirname(page), 'report.json'), 'utf8')) as NightlyReport;
    expect(json).toMatchObject({ schemaVersion: 1, violations: 0 });
  });

  test('--json prints the report and nothing else; what is broken ends with 1', async () => {
    await wrongBalance(9);
    const ran = await command(['--json']);
    expect(ran).toMatchObject({ code: 1, err: '' });
    expect(broken(JSON.parse(ran.out) as NightlyReport)).toMatchObject({ B1: ['balance 9'] });
    const text = await command([]);
    expect(text.out).toMatch(/^The books are not in order: B1.* broken, 2 violations among 1,000 orders\.\n/);
    expect(text.out).toMatch(/broken since \d{4}-\d\d-\d\d/);
  });

  test('ends with 4 where it may not write, while what it found is recorded; what is broken comes first', async () => {
    const file = join(out, 'a-file');
    writeFileSync(file, '');
    const ran = await command(['--out', file, '--metrics-file', join(file, 'nightly.prom')]);
    expect(ran.code).toBe(4);
    expect(ran.err).toMatch(
      /cannot write .*report\.json: a part of the path is a file; the result is recorded as run \d+ in verification_run\n/,
    );
    expect(ran.err).toMatch(/cannot write .*nightly\.prom: a part of the path is a file/);
    expect(await runs()).toMatchObject([{ status: 'FINISHED', violations: 0 }]);
    await wrongBalance(9);
    expect(await command(['--out', file])).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot write') as unknown,
    });
  });

  test('says that the disk is full, and leaves no half of a file', async () => {
    const file = join(out, 'full.prom');
    symlinkSync('/dev/full', join(out, `.full.prom.${process.pid}.partial`));
    expect(await command(['--metrics-file', file])).toMatchObject({
      code: 4,
      err: expect.stringContaining('full.prom: the disk is full;') as unknown,
    });
    expect(readdirSync(out).filter((name) => name.includes('full'))).toEqual([]);
  });

  test('removes reports that are older than what is kept, and nothing of somebody else', async () => {
    const dir = join(out, 'kept');
    for (const name of ['2020-01-01-run-1', '2020-01-02-run-2', 'notes']) {
      mkdirSync(join(dir, name), { recursive: true });
      writeFileSync(join(dir, name, 'report.html'), '');
    }
    writeFileSync(join(dir, '2020-01-02-run-2', 'mine.txt'), '');
    expect(await command(['--out', dir, '--retention-days', '30'])).toMatchObject({ code: 0 });
    expect(readdirSync(dir).slice(0, 1)).toEqual(['2020-01-02-run-2']);
    expect(readdirSync(dir)).toHaveLength(3);
    expect(readdirSync(join(dir, '2020-01-02-run-2'))).toEqual(['mine.txt']);
  });

  test.each([
    [['--retention-days', '0'], 'whole number'],
    [['--abandon-after', 'x'], 'whole number'],
    [['--metrics-file', 'nightly.txt'], '.prom'],
    [['--mode', 'drained'], '--mode'],
  ])('takes %j for wrong usage', async (argv, said) => {
    expect(await command(argv)).toMatchObject({ code: 2, err: expect.stringContaining(said) as unknown });
  });

  test('names a variable that makes no sense', async () => {
    const env = { SAGASHIFT_NIGHTLY_RETENTION_DAYS: 'x' };
    expect(await command([], { env })).toMatchObject({
      code: 2,
      err: expect.stringContaining('SAGASHIFT_NIGHTLY_RETENTION_DAYS') as unknown,
    });
  });

  test('says that nothing was examined where there is no order, with 3', async () => {
    const empty = await freshDatabase();
    expect(await command([], { url: empty.url })).toMatchObject({
      code: 3,
      out: expect.stringContaining('Nothing was examined') as unknown,
      err: 'nothing examined: no engine has worked on an order of this database\n',
    });
    await empty.drop();
  });

  test('refuses a database of somebody else, of an older version, and a user who may not write, with 3', async () => {
    await expect(runNightly(testServices().adminUrl, {}, never)).rejects.toThrow(NotOursError);
    const old = await freshDatabase();
    await old.pool.query('drop table verification_part');
    expect(await command([], { url: old.url })).toMatchObject({
      code: 3,
      err: expect.stringContaining('npm run migrate') as unknown,
    });
    const name = `${new URL(old.url).pathname.slice(1)}_reader`;
    await old.pool.query(`create role ${name} login password 'reader'; grant pg_read_all_data to ${name}`);
    const reader = new URL(db.url);
    [reader.username, reader.password] = [name, 'reader'];
    expect(await command([], { url: reader.href })).toMatchObject({
      code: 3,
      err: expect.stringContaining('may not write') as unknown,
    });
    await db.pool.query(
      `alter role ${name} set default_transaction_read_only = on; grant all on all tables in schema public to ${name}`,
    );
    expect(await command([], { url: reader.href })).toMatchObject({
      code: 3,
      err: expect.stringContaining('replica') as unknown,
    });
    await db.pool.query(`drop owned by ${name}; drop role ${name}`);
    await old.drop();
  });

  test('has no verdict without a server, with 4', async () => {
    expect(await command([], { url: databaseUrl(db.url, 'nowhere_at_all') })).toMatchObject({ code: 4 });
  });
});
