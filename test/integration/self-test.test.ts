import { beforeAll, describe, expect, test } from '@jest/globals';
import { runVerify } from '../../consistency/command.ts';
import { invariants } from '../../consistency/invariants.ts';
import { mutants } from '../../consistency/mutants.ts';
import { selfTest, type SelfTestReport } from '../../consistency/self-test/self-test.ts';
import { selfTestText } from '../../consistency/self-test/self-test-text.ts';
import { weakened } from '../../consistency/self-test/weakened.ts';
import { verify } from '../../consistency/verifier.ts';
import { ConnectionLost, openConnection, openPool } from '../../runtime/database.ts';
import { startPostgresAlone } from '../../runtime/services/postgres-alone.ts';
import { testServices } from '../support/services.ts';
import { smallWorld } from '../support/small-world.ts';

const never = new AbortController().signal;

const run = async (argv: string[], signal = never): Promise<{ code: number; out: string; err: string }> => {
  let [out, err] = ['', ''];
  const io = { env: { DATABASE_URL: testServices().adminUrl }, signal };
  const code = await runVerify(argv, { ...io, out: (text) => (out += text), err: (text) => (err += text) });
  return { code, out, err };
};

const world = smallWorld();

const leftOver = (): Promise<object[]> =>
  world.db.pool.query(`select datname from pg_database where datname like 'sagashift_self_test_${process.pid}_%'`);

describe('the world of the self-test', () => {
  test('is one in which every invariant holds and has something to look at', async () => {
    const report = await verify(world.db.url, { mode: 'drained' });
    expect(report.perInvariant.filter(({ violations }) => violations > 0)).toEqual([]);
    expect(report.perInvariant.filter(({ examined }) => examined === 0)).toEqual([]);
  });

  test('holds every way a payment can end, by every engine', async () => {
    const rows = await world.db.pool.query<{ engine: string; ends: string[] }>(
      `select engine, array_agg(distinct coalesce(refusal_code, status) order by coalesce(refusal_code, status)) as ends
       from orders where engine is not null group by engine order by engine`,
    );
    const every = [
      'BALANCE_INSUFFICIENT',
      'COUPON_UNUSABLE',
      'PAID',
      'PAYMENT_FAILED',
      'STOCK_INSUFFICIENT',
      'VALIDATION_FAILED',
    ];
    expect(rows).toEqual([
      { engine: 'choreography', ends: every },
      { engine: 'history', ends: ['PAID'] },
      { engine: 'legacy', ends: every },
      { engine: 'legacy-lean', ends: every },
      { engine: 'orchestration', ends: every },
    ]);
  });
});

describe('npm run verify -- --self-test', () => {
  let report: SelfTestReport;
  let code: number;
  beforeAll(async () => {
    const ran = await run(['--self-test', '--json']);
    code = ran.code;
    report = JSON.parse(ran.out) as SelfTestReport;
  });

  test('catches every mutant, by the invariant it aims at', () => {
    expect(report.mutants.filter(({ caught }) => !caught)).toEqual([]);
    expect(report.mutants).toHaveLength(mutants.length);
    expect(report).toMatchObject({ passed: true, falseAlarms: [], neverFired: [], withoutMutant: [] });
    expect(code).toBe(0);
  });

  test('says what a constraint refused', () => {
    expect(report.mutants.flatMap(({ refusedBy }) => refusedBy ?? [])).toEqual([
      'balances_amount_check',
      'stocks_reserved_check',
      'payments_order_id_key',
      'saga_state_order_id_key',
    ]);
  });

  test('notices every invariant that was made worse on purpose', () => {
    expect(report.weakened.filter(({ survivors }) => survivors.length === 0)).toEqual([]);
    expect(report.weakened).toHaveLength(weakened.length);
  });

  test('leaves no database behind, interrupted or not', async () => {
    expect(await leftOver()).toEqual([]);
    const interrupted = new AbortController();
    const running = run(['--self-test'], interrupted.signal);
    await databaseThere();
    interrupted.abort(new Error('interrupted'));
    expect(await running).toMatchObject({ code: 4, err: 'interrupted\n' });
    expect(await leftOver()).toEqual([]);
  });
});

const databaseThere = async (): Promise<void> => {
  while ((await leftOver()).length === 0);
};

test('without DATABASE_URL a Postgres is there for it, and gone after it', async () => {
  const server = await startPostgresAlone(undefined);
  const pool = openPool({ url: server.databaseUrl, size: 1 });
  expect(await pool.query('select 1 as one')).toEqual([{ one: 1 }]);
  await pool.close();
  await server.stop();
  expect(server.how).toContain('embedded');
  await expect(openConnection({ url: server.databaseUrl })).rejects.toBeInstanceOf(ConnectionLost);
});

describe('a self-test fails', () => {
  const mutant = mutants.find(({ does }) => does === 'a version is counted twice')!;
  const b4 = invariants.filter(({ code }) => code === 'B4');
  const tested = (options: Parameters<typeof selfTest>[1]): Promise<SelfTestReport> =>
    selfTest([world.db.pool], { invariants: b4, mutants: [mutant], weakened: [], ...options });

  test('never with this mutant, this invariant and nothing else', async () => {
    expect(await tested({})).toMatchObject({ passed: true });
  });

  test('when a mutant survives', async () => {
    const harmless = { code: 'B4', does: 'nothing at all', sql: 'select' };
    const report = await tested({ mutants: [mutant, harmless] });
    expect(report).toMatchObject({ passed: false, neverFired: [] });
    expect(selfTestText(report)).toMatch(/B4 +NO +nothing at all: nothing fired/);
    expect(selfTestText(report)).toMatch(/1 of 2 mutants caught, 0 of them by a constraint; 1 survived/);
  });

  test('when an invariant never fires, its only mutant being refused', async () => {
    const refused = { code: 'B4', does: 'no', sql: 'update balances set amount = -1' };
    const report = await tested({ mutants: [refused] });
    expect(report).toMatchObject({ passed: false, neverFired: ['B4'] });
    expect(selfTestText(report)).toContain('NEVER FIRED: no mutant broke B4');
  });

  test('when an invariant has no mutant, even if others make it fire', async () => {
    const report = await tested({ invariants: invariants.filter(({ code }) => ['B4', 'B3'].includes(code)) });
    expect(report).toMatchObject({ passed: false, withoutMutant: ['B3'] });
    expect(selfTestText(report)).toContain('WITHOUT MUTANT: none aims at B3');
  });

  test('when an invariant fires on what nobody has broken', async () => {
    const always = b4.map((invariant) => ({
      ...invariant,
      checks: invariant.checks.map((check) => ({ ...check, wrong: 'true' })),
    }));
    const report = await tested({ invariants: always });
    expect(report).toMatchObject({ passed: false, falseAlarms: ['B4'] });
    expect(selfTestText(report)).toContain('FALSE ALARM: B4 fired');
  });

  test('when it would not notice an invariant that is worse', async () => {
    const same = b4.map((invariant) => ({ code: 'B4', does: 'nothing worse', invariant: { ...invariant } }));
    const report = await tested({ weakened: same });
    expect(report.passed).toBe(false);
    expect(selfTestText(report)).toMatch(/B4 +NO +nothing worse\n/);
  });

  test('loudly, when a mutant is no SQL', async () => {
    await expect(tested({ mutants: [{ code: 'B4', does: 'x', sql: 'nonsense' }] })).rejects.toThrow('syntax error');
  });

  test('and leaves the database as it was', async () => {
    expect((await verify(world.db.url, { mode: 'drained' })).violations).toBe(0);
  });
});
