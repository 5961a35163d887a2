import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { deadLetterKey } from '../../eventdriven/delivery/dead-letter-list.ts';
import { settleDeadLetters } from '../../eventdriven/delivery/settle-dead-letters.ts';
import { openRedis, type Redis } from '../../runtime/redis.ts';
import { runDeadLetters } from '../../scripts/dead-letters-command.ts';
import { type DeliveryStage, type LogRow, openDeliveryStage, stats, until } from '../support/delivery-stage.ts';

let stage: DeliveryStage;
let redis: Redis;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  stage = await openDeliveryStage();
  redis = openRedis(stage.redis.url, 'test');
  env = { DATABASE_URL: stage.database.url, REDIS_URL: stage.redis.url, SAGASHIFT_KEY_PREFIX: stage.redis.prefix };
});
/** 1 and 2: payments for the warehouse; 3: an order for the inventory, old; 4: sent; 5: waiting. */
beforeEach(async () => {
  await stage.clear();
  await stage.database.pool.query('truncate operator_action restart identity');
  await stage.database.pool.query(
    `insert into external_event_log (order_id, event_type, target_system, event_data, status, retry_count, error_message, created_at) values
     (1, 'payment.completed', 'data-warehouse', '{}', 'DEAD_LETTER', 10, 'HTTP 422: no', now() - interval '3 days'),
     (2, 'payment.completed', 'data-warehouse', '{}', 'DEAD_LETTER', 0, 'fetch failed', now()),
     (3, 'order.created', 'inventory', '{}', 'DEAD_LETTER', 0, 'fetch failed', now() - interval '2 hours'),
     (4, 'order.created', 'inventory', '{}', 'SENT', 0, null, now()),
     (5, 'order.created', 'inventory', '{}', 'PENDING', 0, null, now())`,
  );
});
afterAll(async () => {
  redis.disconnect();
  await stage.close();
});

async function run(
  argv: readonly string[],
  given: NodeJS.ProcessEnv = env,
): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runDeadLetters(argv, { env: given, out: (text) => (out += text), err: (text) => (err += text) });
  return { code, out, err };
}
interface Letters {
  readonly deadLetters: { eventId: number }[];
  readonly replayed: { eventId: number }[];
  readonly dropped: { eventId: number }[];
  readonly listed: boolean;
}
async function json(argv: readonly string[], given = env): Promise<Letters> {
  const { code, out, err } = await run([...argv, '--json'], given);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Letters;
}
const ids = (letters: readonly { eventId: number }[]): number[] => letters.map(({ eventId }) => eventId);
const statuses = async (): Promise<string[]> => (await stage.rows()).map((row: LogRow) => row.status);
const untouched = ['DEAD_LETTER', 'DEAD_LETTER', 'DEAD_LETTER', 'SENT', 'PENDING'];
const actions = (): Promise<unknown[]> =>
  stage.database.pool.query('select actor, command, subject, reason, before, after from operator_action order by id');
const listed = async (topic: string): Promise<number[]> =>
  ids(
    (await redis.lrange(deadLetterKey(stage.redis.prefix, topic), 0, -1)).map(
      (text) => JSON.parse(text) as { eventId: number },
    ),
  );

describe('list', () => {
  test.each([
    [[], [1, 2, 3]],
    [
      ['--topic', 'payment.completed'],
      [1, 2],
    ],
    [['--target', 'inventory'], [3]],
    [
      ['--older-than', '1h'],
      [1, 3],
    ],
    [['--older-than', '2d'], [1]],
    [
      ['--limit', '2'],
      [1, 2],
    ],
    [['--topic', 'order.created', '--older-than', '1d'], []],
  ])('%j finds %j', async (argv, expected) => {
    expect(ids((await json(['list', ...argv])).deadLetters)).toEqual(expected);
  });

  test('says how many more there are, and so does an action that took as many as its limit', async () => {
    expect((await run(['list', '--limit', '2'])).out).toMatch(/\nand 1 more: --limit shows more of them at once\n$/);
    expect((await run(['list', '--limit', '3'])).out).not.toContain('more');
    expect((await run(['drop', '--all', '--limit', '1', '--reason', 'x'])).out).toMatch(/^dropped 1\nand 2 more: /);
    expect((await run(['drop', '--all', '--limit', '2', '--reason', 'x'])).out).toBe('dropped 2\n');
  });

  test('says of each when, what, for whom, and why it was given up', async () => {
    const { out } = await run(['list', '--limit', '1']);
    expect(out).toMatch(
      /^1 {2}\d{4}-\S+Z {2}payment\.completed -> data-warehouse {2}order 1 {2}refused 10 times {2}HTTP 422: no\nand 2 more/,
    );
    await stage.database.pool.query('truncate external_event_log');
    expect((await run(['list'])).out).toBe('no dead letters\n');
  });
});

describe('replay', () => {
  test('puts events back as if never tried, off the list, and keeps who did it and why', async () => {
    const { replayed, listed: told } = await json(['replay', '1', '--reason', ' new mapping ', '--by', 'kim']);
    expect([ids(replayed), told]).toEqual([[1], true]);
    expect((await stage.rows())[0]).toMatchObject({
      status: 'PENDING',
      retry_count: 0,
      next_attempt_at: null,
      error_message: null,
    });
    expect(await listed('payment.completed')).toEqual([2]);
    expect(await actions()).toEqual([
      {
        actor: 'kim',
        command: 'dead-letters replay',
        subject: 'event 1',
        reason: 'new mapping',
        before: expect.objectContaining({
          status: 'DEAD_LETTER',
          tries: 10,
          error: 'HTTP 422: no',
          orderId: 1,
        }) as unknown,
        after: { status: 'PENDING' },
      },
    ]);
  });

  test('is delivered, and waits its whole horizon again when its target is not there', async () => {
    await run(['replay', '--target', 'data-warehouse', '--reason', 'it is back']);
    const url = await stage.platform({ failureRate: 1 });
    const { metrics, stop } = stage.relay(url, {}, { SAGASHIFT_DELIVERY_HORIZON_S: '3600' });
    await until(async () => (await metrics.breakerState.get()).values.some(({ value }) => value === 2));
    expect((await statuses()).slice(0, 2)).not.toContain('DEAD_LETTER'); // though one is three days old
    await stop();
    const up = await stage.platform();
    stage.relay(up);
    await until(async () => (await statuses()).slice(0, 2).join() === 'SENT,SENT');
    expect((await stats(up))['data-warehouse/legacy-lean']).toMatchObject({ events: 2, distinctOrders: 2 });
  });

  test('by filter takes what it finds, up to the limit; --all takes everything', async () => {
    expect(
      ids((await json(['replay', '--topic', 'payment.completed', '--limit', '1', '--reason', 'x'])).replayed),
    ).toEqual([1]);
    expect(ids((await json(['replay', '--all', '--reason', 'x'])).replayed)).toEqual([2, 3]);
    expect((await json(['replay', '--all', '--reason', 'x'])).replayed).toEqual([]);
    expect(await actions()).toHaveLength(3);
  });

  test('without Redis it is done all the same, and says that the list follows', async () => {
    const { out, code } = await run(['replay', '1', '--reason', 'x'], { DATABASE_URL: stage.database.url });
    expect([code, out]).toEqual([0, 'replayed 1\nthe list in Redis follows within a minute\n']);
    const away = { ...env, REDIS_URL: 'redis://127.0.0.1:1' };
    expect((await json(['replay', '2', '--reason', 'x'], away)).listed).toBe(false);
    expect((await statuses()).slice(0, 2)).toEqual(['PENDING', 'PENDING']);
  });

  test('of two at once one wins', async () => {
    const by = { actor: 'a', command: 'dead-letters replay', reason: 'x' };
    const both = await Promise.allSettled([
      settleDeadLetters(stage.database.pool, 'replay', { eventIds: [1] }, by),
      settleDeadLetters(stage.database.pool, 'drop', { eventIds: [1] }, by),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const won = both[0].status === 'fulfilled' ? 'PENDING' : 'DROPPED';
    expect(await actions()).toMatchObject([
      { after: { status: won } },
      { before: { status: won }, after: { refused: 'NOT_DEAD_LETTER' } },
    ]);
  });
});

describe('drop', () => {
  test('never sends it, and says why in its place', async () => {
    const { dropped } = await json(['drop', '1', '3', '--reason', 'test data']);
    expect(ids(dropped)).toEqual([1, 3]);
    expect((await stage.rows())[0]).toMatchObject({ status: 'DROPPED', error_message: 'dropped: test data' });
    expect(await listed('payment.completed')).toEqual([2]);
    expect(await listed('order.created')).toEqual([]);
    expect(ids((await json(['list'])).deadLetters)).toEqual([2]);
    expect(await actions()).toMatchObject([{ after: { status: 'DROPPED' } }, { subject: 'event 3' }]);
    const url = await stage.platform();
    stage.relay(url);
    await until(async () => (await statuses())[4] === 'SENT');
    expect(await statuses()).toEqual(['DROPPED', 'DEAD_LETTER', 'DROPPED', 'SENT', 'SENT']);
    expect((await run(['replay', '1', '--reason', 'x'])).code).toBe(3);
  });
});

describe('nothing is changed', () => {
  test.each([
    [['replay', '1'], 2, 'required option'],
    [['drop', '1', '--reason', ' '], 2, 'say why'],
    [['replay', '--reason', 'x'], 2, 'which? Give event ids'],
    [['replay', '1', '--all', '--reason', 'x'], 2, 'which?'],
    [['replay', '1', '--topic', 'order.created', '--reason', 'x'], 2, 'which?'],
    [['replay', 'one', '--reason', 'x'], 2, `'one' is not an event id`],
    [['replay', '9007199254740993', '--reason', 'x'], 2, 'is not an event id'],
    [['list', '--older-than', '5'], 2, '90s, 15m, 2h or 7d'],
    [['list', '--limit', '1001'], 2, 'from 1 to 1000'],
    [['bury'], 2, 'unknown command'],
  ])('by %j: exit %i, %s', async (argv, code, message) => {
    expect(await run(argv)).toEqual({ code, out: '', err: expect.stringContaining(message) as unknown });
    expect(await statuses()).toEqual(untouched);
    expect(await actions()).toEqual([]);
  });

  test.each<[string[], number, string, object[]]>([
    [
      ['replay', '1', '99'],
      ...([1, 'there is no event 99; nothing was changed'] as const),
      [{ command: 'dead-letters replay', subject: 'event 99', reason: 'x', before: {}, after: { refused: 'UNKNOWN' } }],
    ],
    [
      ['drop', '99', '4'],
      ...([1, 'there is no event 99; nothing was changed'] as const),
      [{ subject: 'event 99' }, { subject: 'event 4', after: { refused: 'NOT_DEAD_LETTER' } }],
    ],
    [
      ['replay', '1', '4', '5'],
      ...([3, 'event 4 is SENT, event 5 is PENDING, not a dead letter; nothing was changed'] as const),
      [
        { subject: 'event 4', before: { status: 'SENT' } },
        { subject: 'event 5', before: { status: 'PENDING' } },
      ],
    ],
  ])('by %j, which is refused: exit %i, %s; the attempt is kept', async (argv, code, message, kept) => {
    expect(await run([...argv, '--reason', 'x'])).toEqual({ code, out: '', err: `${message}\n` });
    expect(await statuses()).toEqual(untouched);
    expect(await actions()).toMatchObject(kept);
  });

  test('by more ids than are done at once', async () => {
    const { code, err } = await run(['drop', ...Array<string>(1_001).fill('1'), '--reason', 'x']);
    expect([code, err]).toEqual([2, 'at most 1000 event ids at once\n']);
  });

  test('when there is no database, or none of ours', async () => {
    expect((await run(['list'], {})).err).toContain('DATABASE_URL is not set');
    expect((await run(['list'], { DATABASE_URL: 'mysql://x' })).code).toBe(2);
    expect(await run(['list'], { DATABASE_URL: 'postgres://u@127.0.0.1:1/x' })).toMatchObject({
      code: 4,
      err: expect.stringContaining('cannot be reached') as unknown,
    });
  });

  test('by --help, which names the commands', async () => {
    const { code, out } = await run(['--help']);
    expect([code, out]).toEqual([0, expect.stringMatching(/list[^]*replay[^]*drop/)]);
  });
});
