import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { settleSaga } from '../../eventdriven/operations/settle-sagas.ts';
import { beat, deferSagas } from '../../eventdriven/saga/rescue-sql.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { accept, doors } from '../support/sagas.ts';
import { sagas } from '../support/sagas-command.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';
import { openSession, type Session } from '../support/sessions.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
const clear = async (): Promise<void> => {
  await db.pool.query(
    'truncate saga_state, saga_step_execution, event_store, worker_heartbeat, operator_action restart identity',
  );
};

const run = (...argv: string[]) => sagas(db.url, argv);
interface Found {
  readonly sagas: readonly { readonly sagaId: number }[];
  readonly more: number;
}
async function found(...argv: string[]): Promise<{ ids: number[]; more: number }> {
  const { code, out, err } = await run('list', ...argv, '--json');
  expect([code, err]).toEqual([0, '']);
  const { sagas: listed, more } = JSON.parse(out) as Found;
  return { ids: listed.map(({ sagaId }) => sagaId), more };
}

/** Of tests that change nothing: made once. */
const madeOnce = (make: () => Promise<unknown>): void => {
  beforeAll(async () => {
    await clear();
    await make();
  });
};

/** One payment of 300 that has passed so many boundaries. */
async function saga(passed = 0, { cut = 1, coupon = false } = {}): Promise<Saga> {
  const order = await shop(db.pool).payable({ balance: 1_000, price: 300, stock: 5 });
  const couponId = coupon ? await shop(db.pool).coupon({ userId: order.userId, discount: 100 }) : null;
  const accepted = await accept(db.pool, [{ ...order, couponId }], 'orchestration', {
    version: cut,
    deadlineMs: 3_600_000,
  });
  return (await doors(db.pool).pass(accepted, passed))[0] as Saga;
}
const faulted = (one: Saga, error: string, attentionAfter = 8) =>
  deferSagas(db.pool, [one], error, { firstMs: 60_000, longestMs: 60_000, attentionAfter });
const aged = ({ sagaId }: Saga, seconds: number) =>
  db.pool.query('update saga_state set created_at = now() - make_interval(secs => $2) where saga_id = $1', [
    sagaId,
    seconds,
  ]);
const rows = () => db.pool.query('select * from saga_state order by saga_id');
const actions = () =>
  db.pool.query<{ subject: string }>('select command, subject, before, after from operator_action order by id');

/** 1 running, 2 running and old with a fault, 3 turned back and asking for a person, 4 paid, 5 undone, 6 given up. */
async function six(): Promise<Saga[]> {
  const all: Saga[] = [];
  for (const passed of [0, 2, 3, 4, 1, 3]) all.push(await saga(passed, { coupon: passed === 3 }));
  const [, old, back, , , given] = all as [Saga, Saga, Saga, Saga, Saga, Saga];
  await aged(old, 3_600);
  await faulted(old, 'No space left on device');
  await run('compensate', `${back.sagaId}`, '--reason', 'x');
  await db.pool.query('update saga_state set epoch = $2 where saga_id = $1', [back.sagaId, back.epoch]);
  await faulted(back, 'no partition of relation "balance_ledger"', 1);
  await db.pool.query(`update saga_state set status = 'COMPENSATED' where saga_id = 5`);
  await db.pool.query('update saga_state set attention_at = now() where saga_id = $1', [given.sagaId]);
  await run('skip', `${given.sagaId}`, '--reason', 'x');
  await db.pool.query('truncate operator_action');
  return all;
}

describe('list', () => {
  madeOnce(six);
  test.each<[string[], number[]]>([
    [[], [1, 2, 3, 6]],
    [
      ['--status', 'open'],
      [1, 2, 3],
    ],
    [
      ['--status', 'running'],
      [1, 2],
    ],
    [['--status', 'compensating'], [3]],
    [['--status', 'attention'], [3]],
    [['--status', 'failed'], [6]],
    [['--status', 'completed'], [4]],
    [['--status', 'compensated'], [5]],
    [['--older-than', '30m'], [2]],
    [['--step', 'accepted'], [1]],
    [
      ['--error', 'NO '],
      [2, 3],
    ],
    [['--error', '%'], []],
    [['--style', 'choreography'], []],
    [
      ['--version', '1', '--limit', '9'],
      [1, 2, 3, 6],
    ],
    [['--version', '2'], []],
  ])('%j finds %j', async (argv, ids) => {
    expect(await found(...argv)).toEqual({ ids, more: 0 });
  });

  test('shows a page, oldest first, and says how many more there are', async () => {
    expect(await found('--limit', '1')).toEqual({ ids: [1], more: 3 });
    expect(await found('--limit', '4')).toEqual({ ids: [1, 2, 3, 6], more: 0 });
    const { out } = await run('list', '--limit', '3');
    const [head, first, , third, last] = out.split('\n') as [string, string, string, string, string];
    expect(head).toMatch(/^SAGA +ORDER +STYLE +V +STATUS +STEP +AGE +FAULTS +NEXT TRY +ATTENTION +ERROR$/);
    expect(first).toMatch(/^ +1 +\d+ +orchestration +1 +RUNNING +accepted +\d\.\ds +0$/);
    expect(third).toMatch(
      / COMPENSATING +confirmStock +\S+ +1 +in \d+s +for \d\.\ds +no partition of relation "balance_ledger"$/,
    );
    expect(last).toBe('and 1 more: --limit shows more of them at once');
    await db.pool.query('truncate saga_state');
    expect((await run('list')).out).toBe('no sagas\n');
  });

  test('finds open and given up sagas by the indexes of those alone', async () => {
    const plan = await db.pool.transaction(async (tx) => {
      await tx.query('set local enable_seqscan = off');
      return tx.query<{ 'QUERY PLAN': string }>(
        `explain select from saga_state where status in ('RUNNING', 'COMPENSATING') or status = 'FAILED'`,
      );
    });
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect([text, text]).toEqual([
      expect.stringContaining('saga_state_open'),
      expect.stringContaining('saga_state_given_up'),
    ]);
  });
});

describe('show', () => {
  beforeEach(clear);
  test('tells all of a saga, by its id or its order’s', async () => {
    const [, , back, , , given] = (await six()) as [Saga, Saga, Saga, Saga, Saga, Saga];
    await run('retry', '3', '--reason', 'new partition');
    const { out } = await run('show', '3');
    for (const line of [
      /^saga {13}3, COMPENSATING at confirmStock$/m,
      /^order +\d+, PAYING of user \d+$/m,
      /^payment +none$/m,
      /^facts +\{.*"due":200/m,
      /^ {2}It is on its way back and undoes createPayment next/m,
      /^ {2}No worker of the orchestration was heard of/m,
      /deductBalance +EXECUTE +SUCCESS/,
      /payment\.rejected +\S+ +\{"code":"PAYMENT_FAILED","reason":"turned back by kim: x"\}/,
      /balance +\d+ +DEBIT +-200/,
      /stock +\d+ +CONFIRM +1/,
      /kim +sagas retry +new partition/,
    ]) {
      expect(out).toMatch(line);
    }
    expect((await run('show', '--order', `${back.orderId}`)).out.split('\n')[0]).toBe(out.split('\n')[0]);
    expect((await run('show', `${given.sagaId}`)).out).toMatch(
      /Left open: 1 of product \d+ stay confirmed.*\n.*Left open: coupon \d+ stays used/,
    );
    const story = JSON.parse((await run('show', '4', '--json')).out) as {
      payment: object;
      next: string[];
      books: object;
    };
    expect(story).toMatchObject({
      payment: { amount: 300 },
      next: ['Nothing: the order is paid.'],
      books: { debited: 0 },
    });
  });

  test('says whose worker has it', async () => {
    await saga(2);
    await beat(db.pool, 'w1', 'orchestrator');
    expect((await run('show', '1')).out).toContain('Worker w1 has it in hand');
    await db.pool.query(`update worker_heartbeat set beat_at = now() - interval '1 minute'`);
    await beat(db.pool, 'w2', 'orchestrator');
    expect((await run('show', '1')).out).toContain('Worker w1 owns it and is silent since 60 s');
  });

  test('says what is not there', async () => {
    expect(await run('show', '9')).toEqual({ code: 1, out: '', err: 'there is no saga 9\n' });
    expect(await run('show', '--order', '9')).toMatchObject({ code: 1, err: 'order 9 has no saga\n' });
    expect(await run('show', 'x')).toMatchObject({ code: 2, err: expect.stringContaining('not a saga id') as unknown });
  });
});

describe('watch', () => {
  beforeEach(clear);
  async function watched(argv: string[], tty: boolean, looks: number, between = async (): Promise<void> => undefined) {
    const stop = new AbortController();
    let seen = 0;
    let side = Promise.resolve();
    const onOut = (): void => {
      seen += 1;
      if (seen === 1) side = between();
      if (seen === looks) stop.abort();
    };
    const ran = await sagas(db.url, ['watch', ...argv], { tty, signal: stop.signal, onOut });
    await side;
    return ran;
  }

  test('counts every second until it is interrupted, and ends well', async () => {
    await six();
    const { code, out } = await watched([], false, 2, async () => {
      await saga();
    });
    expect(code).toBe(0);
    const [first, second] = out.split('\n') as [string, string];
    expect(first).toMatch(
      /^\S+Z {2}open 3: running 2, compensating 1, oldest 1h 0m {2}attention 1 {2}given up 1 {2}workers 0$/,
    );
    expect(second).toContain('open 4: running 3,');
  });

  test('draws a screen on a terminal, by style, status and step', async () => {
    await six();
    await beat(db.pool, 'w1', 'orchestrator');
    await beat(db.pool, 'w2', 'order payment');
    const { out } = await watched([], true, 1);
    expect(out.startsWith('\u001B[H')).toBe(true);
    expect(out.endsWith('\u001B[J')).toBe(true);
    expect(out).toContain('workers: orchestration 1, choreography 1');
    expect(out).toMatch(/orchestration +COMPENSATING +confirmStock +1 +\S+ +1\D/);
    await db.pool.query('truncate saga_state');
    expect((await watched([], true, 1)).out).toContain('no open sagas');
    expect(JSON.parse((await watched(['--json'], true, 1)).out)).toMatchObject({
      counts: [],
      workers: { orchestration: 1 },
    });
  });

  test('goes on when the database is away for a moment, and says so', async () => {
    const { code, out, err } = await watched([], false, 2, async () => {
      await db.pool.query('alter table saga_state rename to elsewhere');
      // Gone before it goes on: else its earlier question would pass for the one that fails.
      await db.pool.query(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'sagashift-sagas' and datname = current_database()`,
      );
      while (
        (
          await db.pool.query(
            `select from pg_stat_activity where application_name = 'sagashift-sagas' and query like '%saga_state%' and datname = current_database() and state = 'idle'`,
          )
        ).length === 0
      );
      await db.pool.query('alter table elsewhere rename to saga_state');
    });
    expect([code, out.split('\n')]).toEqual([
      0,
      [expect.stringContaining('open 0'), expect.stringContaining('open 0'), ''],
    ]);
    expect(err).toContain('is not one of Sagashift');
  });

  test('as a process ends with 0 on Ctrl-C', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/sagas.ts', 'watch'], {
      env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: db.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(line.toString()).toContain('open 0');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe('an action', () => {
  beforeEach(clear);
  test('is done to each of many on its own: the others are refused or unknown, and say why', async () => {
    await six();
    const { code, out, err } = await run('retry', '99', '4', '2', '2', '--reason', 'x');
    expect([code, out]).toEqual([1, 'saga 2: RUNNING -> RUNNING, due now, faults in a row 1\n']);
    expect(err).toBe(
      'saga 4: refused (FINAL): it is COMPLETED: the order is paid; nothing was changed\nsaga 99: there is no saga 99; nothing was changed\ndone 1, refused 1, failed 1, not tried 0\n',
    );
    expect((await actions()).map(({ subject }) => subject)).toEqual(['saga 2']);
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
    expect(await db.pool.query('select status from orders where id = $1', [one.orderId])).toEqual([
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
    await db.pool.query(
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
    await db.pool.query('update order_items set qty = 2, unit_price = 9e18::bigint where order_id = $1', [
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
    const { code, out, err } = await sagas(db.url, ['retry', '1', '2', '3', '--reason', 'x'], {
      signal: stop.signal,
      onOut: () => stop.abort(),
    });
    expect([code, out.split('\n').length, err]).toEqual([1, 2, 'done 1, refused 0, failed 0, not tried 2\n']);
    expect(await actions()).toHaveLength(1);
  });
});

describe('of a worker and a person at the same instant exactly one wins:', () => {
  beforeEach(clear);
  const by = { actor: 'kim', command: 'sagas compensate', reason: 'x' };
  let person: Session;
  let worker: Session;
  beforeAll(async () => {
    person = await openSession(db.url, db.pool, 'read committed');
    worker = await openSession(db.url, db.pool, 'read committed');
  });
  afterAll(async () => {
    await person.close();
    await worker.close();
  });
  const statuses = (one: Saga) =>
    db.pool.query(
      'select s.status, o.status as "order" from saga_state s join orders o on o.id = s.order_id where saga_id = $1',
      [one.sagaId],
    );

  test.each(['retry', 'compensate', 'skip'] as const)('the worker that pays first; %s is refused', async (action) => {
    const one = await saga(3);
    await aged(one, 601);
    await worker.begin();
    expect(await doors(worker).run(3, [one])).toMatchObject([{ outcome: 'ok' }]);
    await person.begin();
    const acting = settleSaga(person, action, one.sagaId, by);
    await person.blocked();
    await worker.commit();
    expect(await acting).toMatchObject({ outcome: 'refused', code: action === 'compensate' ? 'PAST_PIVOT' : 'FINAL' });
    await person.commit();
    expect(await statuses(one)).toEqual([{ status: 'COMPLETED', order: 'PAID' }]);
    expect(await actions()).toEqual([]);
  });

  test.each([
    { action: 'retry', status: 'RUNNING' },
    { action: 'compensate', status: 'COMPENSATING' },
    { action: 'skip', status: 'FAILED' },
  ] as const)('the person who comes first with $action; the payment is fenced', async ({ action, status }) => {
    const one = await saga(3);
    await aged(one, 601);
    await person.begin();
    expect(await settleSaga(person, action, one.sagaId, by)).toMatchObject({ outcome: 'done' });
    const paying = doors(worker).run(3, [one]);
    await worker.blocked();
    await person.commit();
    expect(await paying).toEqual([{ outcome: 'fenced' }]);
    expect(await statuses(one)).toEqual([{ status, order: 'PAYING' }]);
    expect(await actions()).toHaveLength(1);
  });

  test('two persons: the second finds what the first has left', async () => {
    const one = await saga(2);
    const both = await Promise.all([run('compensate', '1', '--reason', 'x'), run('compensate', '1', '--reason', 'y')]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 3]);
    expect(both.map(({ err }) => err).join('')).toContain('TURNING_BACK');
    expect(await statuses(one)).toEqual([{ status: 'COMPENSATING', order: 'PAYING' }]);
    expect(await actions()).toHaveLength(1);
  });
});

describe('nothing is changed', () => {
  madeOnce(six);
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
    [['compensate', '3', '--reason', 'x'], 3, 'TURNING_BACK'],
    [['compensate', '4', '--reason', 'x'], 3, 'PAST_PIVOT'],
    [['compensate', '6', '--reason', 'x'], 3, 'GIVEN_UP'],
    [['retry', '4', '5', '--reason', 'x'], 3, 'done 0, refused 2, failed 0, not tried 0'],
    [['skip', '1', '--reason', 'x'], 3, 'NEEDS_NOBODY'],
    [['skip', '6', '--reason', 'x'], 3, 'GIVEN_UP'],
    [['retry', '99', '--reason', 'x'], 1, 'there is no saga 99'],
  ])('by %j: exit %d, %s', async (argv, code, message) => {
    const before = await rows();
    expect(await run(...argv)).toEqual({ code, out: '', err: expect.stringContaining(message) as unknown });
    expect(await rows()).toEqual(before);
    expect(await actions()).toEqual([]);
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
