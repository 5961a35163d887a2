import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openSagasStage } from '../support/open-sagas.ts';
import { sagas } from '../support/sagas-command.ts';

const on = openSagasStage();
const { run, clear, saga, six, aged, rows, actions } = on;

describe('an action', () => {
  beforeEach(clear);
  test('is done to each of many on its own: the others are refused or unknown, and say why', async () => {
    await six();
    const { code, out, err } = await run('retry', '99', '4', '2', '2', '--reason', 'x');
    expect([code, out]).toEqual([1, 'saga 2: RUNNING -> RUNNING, due now, faults in a row 1\n']);
    expect(err).toBe(
      'saga 4: refused (FINAL): it is COMPLETED: the order is paid; nothing was changed\nsaga 99: there is no saga 99; nothing was changed\ndone 1, refused 1, failed 1, not tried 0\n',
    );
    expect(await actions()).toMatchObject([
      { subject: 'saga 2', after: { status: 'RUNNING' } },
      { subject: 'saga 4', before: { status: 'COMPLETED' }, after: { refused: 'FINAL' } },
      { subject: 'saga 99', before: {}, after: { refused: 'UNKNOWN' } },
    ]);
  });

  test('of those that a filter finds, up to the limit, in the order of their ids', async () => {
    await six();
    const { code, out } = await run('retry', '--all', '--limit', '2', '--reason', 'x', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ...{ action: 'retry', dryRun: false, more: 1 },
      sagas: [
        { sagaId: 1, outcome: 'done', before: { epoch: 1 }, after: { epoch: 2, owner: null } },
        { sagaId: 2, outcome: 'done', before: { attempts: 1 }, after: { attempts: 1 } },
      ],
    });
    expect((await run('compensate', '--older-than', '30m', '--reason', 'x')).out).toContain(
      'saga 2: RUNNING -> COMPENSATING',
    );
    expect(await run('compensate', '--step', 'nowhere', '--reason', 'x')).toEqual({
      code: 0,
      out: 'no sagas\n',
      err: '',
    });
    expect(await actions()).toHaveLength(3);
  });

  test('can be rehearsed: nothing changes', async () => {
    await six();
    const before = await rows();
    expect((await run('skip', '3', '--reason', 'x', '--dry-run')).out).toMatch(
      /^saga 3: COMPENSATING at confirmStock, would be done\n {2}left open: .*PAYING/,
    );
    expect((await run('retry', '--all', '--reason', 'x', '--dry-run')).code).toBe(0);
    expect((await run('compensate', '4', '--reason', 'x', '--dry-run')).code).toBe(3);
    expect(await rows()).toEqual(before);
    expect(await actions()).toEqual([]);
  });

  test('turns back what has not begun, so that its order can be final', async () => {
    const one = await saga();
    await run('compensate', '1', '--reason', 'x');
    expect(await rows()).toMatchObject([{ status: 'COMPENSATING', epoch: 2, owner: null, event_count: 1 }]);
    expect(await on.db.pool.query('select status from orders where id = $1', [one.orderId])).toEqual([
      { status: 'PAYING' },
    ]);
  });

  test('that gives up a payment that had begun nothing leaves its reservation', async () => {
    const one = await saga();
    await aged(one, 601);
    expect((await run('skip', '1', '--reason', 'x')).out).toMatch(
      /stays PENDING.*\n.*1 of product \d+ stay reserved\n$/,
    );
    expect((await run('retry', '1', '--reason', 'x')).out).toContain('FAILED -> RUNNING, due now');
  });

  test('takes nothing up again whose order was made final by hand', async () => {
    await six();
    await on.db.pool.query(
      `update orders set status = 'PAYMENT_FAILED' where id = (select order_id from saga_state where saga_id = 6)`,
    );
    expect(await run('retry', '6', '--reason', 'x')).toEqual({
      code: 3,
      out: '',
      err: 'saga 6: refused (CLOSED_BY_HAND): it was given up, and its order is PAYMENT_FAILED since: nothing is left to do; nothing was changed\n',
    });
    expect((await run('retry', '--all', '--status', 'failed', '--reason', 'x')).code).toBe(2);
    expect((await run('retry', '--status', 'failed', '--reason', 'x')).code).toBe(3);
  });

  test('fails on the one whose data will not have it, and goes on with the next', async () => {
    const [sick, well] = [await saga(), await saga()];
    await on.db.pool.query('update order_items set qty = 2, unit_price = 9e18::bigint where order_id = $1', [
      sick.orderId,
    ]);
    const { code, out, err } = await run('compensate', '1', '2', '--reason', 'x');
    expect([code, out]).toEqual([1, 'saga 2: RUNNING -> COMPENSATING, due now\n']);
    expect(err).toContain('saga 1: bigint out of range; nothing was changed');
    expect((await actions()).map(({ subject }) => subject)).toEqual([`saga ${well.sagaId}`]);
  });

  test('stops between two when it is interrupted, and says what was not tried', async () => {
    await six();
    const stop = new AbortController();
    const { code, out, err } = await sagas(on.db.url, ['retry', '1', '2', '3', '--reason', 'x'], {
      signal: stop.signal,
      onOut: () => stop.abort(),
    });
    expect([code, out.split('\n').length, err]).toEqual([1, 2, 'done 1, refused 0, failed 0, not tried 2\n']);
    expect(await actions()).toHaveLength(1);
  });
});

describe('nothing is changed', () => {
  beforeAll(async () => {
    await clear();
    await six();
  });
  test.each<[string[], number, string]>([
    [['retry', '1'], 2, 'reason'],
    [['retry', '1', '--reason', '  '], 2, 'say why'],
    [['retry', '1', '--reason', 'x'.repeat(501)], 2, 'at most 500'],
    [['retry', '--reason', 'x'], 2, 'which?'],
    [['retry', '1', '--all', '--reason', 'x'], 2, 'which?'],
    [['retry', '1', '--step', 'accepted', '--reason', 'x'], 2, 'which?'],
    [['retry', '1', 'two', '--reason', 'x'], 2, `'two' is not a saga id`],
    [['retry', '--older-than', 'long', '--reason', 'x'], 2, 'like 90s'],
    [['retry', '--version', '0', '--reason', 'x'], 2, 'whole number from 1'],
    [['retry', '--all', '--limit', '1001', '--reason', 'x'], 2, '1 to 1000'],
    [['list', '--status', 'lost'], 2, 'Allowed choices'],
    [['skip', '--reason', 'x'], 2, 'sagaIds'],
    [['skip', '--all', '--reason', 'x'], 2, '--all'],
    [['cancel', '1'], 2, 'unknown command'],
    [['retry', '4', '--reason', 'x', '--dry-run'], 3, 'FINAL'],
  ])('by %j: exit %d, %s', async (argv, code, message) => {
    const before = await rows();
    expect(await run(...argv)).toEqual({ code, out: '', err: expect.stringContaining(message) as unknown });
    expect(await rows()).toEqual(before);
    expect(await actions()).toEqual([]);
  });

  test.each<[string[], number, string, Record<string, string>]>([
    [['compensate', '3'], 3, 'TURNING_BACK', { 'saga 3': 'TURNING_BACK' }],
    [['compensate', '4'], 3, 'PAST_PIVOT', { 'saga 4': 'PAST_PIVOT' }],
    [['compensate', '6'], 3, 'GIVEN_UP', { 'saga 6': 'GIVEN_UP' }],
    [['retry', '4', '5'], 3, 'done 0, refused 2, failed 0, not tried 0', { 'saga 4': 'FINAL', 'saga 5': 'FINAL' }],
    [['skip', '1'], 3, 'NEEDS_NOBODY', { 'saga 1': 'NEEDS_NOBODY' }],
    [['skip', '6'], 3, 'GIVEN_UP', { 'saga 6': 'GIVEN_UP' }],
    [['retry', '99'], 1, 'there is no saga 99', { 'saga 99': 'UNKNOWN' }],
  ])('by %j, which is refused: exit %d, %s; the attempt is kept', async (argv, code, message, refused) => {
    await on.db.pool.query('truncate operator_action');
    const before = await rows();
    expect(await run(...argv, '--reason', 'x')).toEqual({
      ...{ code, out: '', err: expect.stringContaining(message) as unknown },
    });
    expect(await rows()).toEqual(before);
    const kept = await on.db.pool.query<{ subject: string; refused: string; by: string }>(
      `select subject, after->>'refused' as refused, concat_ws(' ', actor, command, reason) as by from operator_action order by id`,
    );
    expect(Object.fromEntries(kept.map((one) => [one.subject, one.refused]))).toEqual(refused);
    for (const { by } of kept) expect(by).toBe(`kim sagas ${argv[0] ?? ''} x`);
  });

  test('by more ids than are done at once, or without a database', async () => {
    expect(await run('retry', ...Array<string>(1_001).fill('1'), '--reason', 'x')).toMatchObject({
      code: 2,
      err: 'at most 1000 saga ids at once\n',
    });
    expect((await sagas(undefined, ['list'])).err).toContain('DATABASE_URL is not set');
    for (const argv of [['list'], ['show', '1'], ['watch'], ['retry', '1', '--reason', 'x']]) {
      expect(await sagas('postgres://u@127.0.0.1:1/x', argv)).toMatchObject({
        code: 4,
        err: expect.stringContaining('cannot be reached') as unknown,
      });
    }
  });

  test('by --help, which names the commands', async () => {
    const { code, out } = await run('--help');
    expect([code, out]).toEqual([0, expect.stringMatching(/list[^]*show[^]*watch[^]*retry[^]*compensate[^]*skip/)]);
  });
});
