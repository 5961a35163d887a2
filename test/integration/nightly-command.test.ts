import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runNightly } from '../../consistency/nightly/nightly.ts';
import type { NightlyReport } from '../../consistency/nightly/report.ts';
import { databaseUrl, NotOursError } from '../../runtime/databases.ts';
import { brokenIn, nightlyStage } from '../support/nightly-stage.ts';
import { freshDatabase, testServices } from '../support/services.ts';

const orders = 1_000;

const stage = nightlyStage(orders);
const { command, wrongBalance, runs } = stage;

/** Comes with Prometheus. `.ci/run` installs it. Elsewhere a machine may do without; CI may not. */
const promtool = (input: string) => spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
const available = spawnSync('promtool', ['--version']).status === 0;

describe('the file for node_exporter', () => {
  const written = async (...argv: string[]): Promise<{ code: number; text: string }> => {
    const file = join(stage.out, 'textfile', 'nightly.prom');
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
    expect(brokenIn(JSON.parse(ran.out) as NightlyReport)).toMatchObject({ B1: ['balance 9'] });
    const text = await command([]);
    expect(text.out).toMatch(/^The books are not in order: B1.* broken, 2 violations among 1,000 orders\.\n/);
    expect(text.out).toMatch(/broken since \d{4}-\d\d-\d\d/);
  });

  test('ends with 4 where it may not write, while what it found is recorded; what is broken comes first', async () => {
    const file = join(stage.out, 'a-file');
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
    const file = join(stage.out, 'full.prom');
    symlinkSync('/dev/full', join(stage.out, `.full.prom.${process.pid}.partial`));
    expect(await command(['--metrics-file', file])).toMatchObject({
      code: 4,
      err: expect.stringContaining('full.prom: the disk is full;') as unknown,
    });
    expect(readdirSync(stage.out).filter((name) => name.includes('full'))).toEqual([]);
  });

  test('removes reports that are older than what is kept, and nothing of somebody else', async () => {
    const dir = join(stage.out, 'kept');
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
    await expect(runNightly(testServices().adminUrl, {}, new AbortController().signal)).rejects.toThrow(NotOursError);
    const old = await freshDatabase();
    await old.pool.query('drop table verification_part');
    expect(await command([], { url: old.url })).toMatchObject({
      code: 3,
      err: expect.stringContaining('npm run migrate') as unknown,
    });
    const name = `${new URL(old.url).pathname.slice(1)}_reader`;
    await old.pool.query(`create role ${name} login password 'reader'; grant pg_read_all_data to ${name}`);
    const reader = new URL(stage.db.url);
    [reader.username, reader.password] = [name, 'reader'];
    expect(await command([], { url: reader.href })).toMatchObject({
      code: 3,
      err: expect.stringContaining('may not write') as unknown,
    });
    await stage.db.pool.query(
      `alter role ${name} set default_transaction_read_only = on; grant all on all tables in schema public to ${name}`,
    );
    expect(await command([], { url: reader.href })).toMatchObject({
      code: 3,
      err: expect.stringContaining('replica') as unknown,
    });
    await stage.db.pool.query(`drop owned by ${name}; drop role ${name}`);
    await old.drop();
  });

  test('has no verdict without a server, with 4', async () => {
    expect(await command([], { url: databaseUrl(stage.db.url, 'nowhere_at_all') })).toMatchObject({ code: 4 });
  });
});
