import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Appending,
  appendEvents,
  appendLimit,
  WrongExpectedVersion,
} from '../../eventdriven/eventstore/append-events.ts';
import {
  type Position,
  readEvents,
  readLimit,
  start,
  type StoredEvent,
} from '../../eventdriven/eventstore/read-events.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { openConnection } from '../../runtime/database.ts';
import { withRetry } from '../../runtime/retry.ts';
import { transactionsEnded } from '../support/read-up.ts';
import { accept, doors } from '../support/sagas.ts';
import { faultOf, openSession, type Session } from '../support/sessions.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

let db: FreshDatabase;
let one: Session;
let other: Session;
beforeAll(async () => {
  db = await freshDatabase();
  one = await openSession(db.url, db.pool, 'read committed');
  other = await openSession(db.url, db.pool, 'read committed');
});
afterAll(async () => {
  await one.close();
  await other.close();
  await db.drop();
});

let streams = 0;
const newStream = (): string => `test-${++streams}`;
const to = (aggregateId: string, expectedVersion: number, ...types: string[]): Appending => ({
  aggregateId,
  expectedVersion,
  events: types.map((type) => ({ type, data: { of: type } })),
});
const typesOf = async (aggregateId: string): Promise<string[]> =>
  (
    await db.pool.query<{ t: string }>(
      `select sequence_number || ' ' || event_type as t from event_store where aggregate_id = $1 order by sequence_number`,
      [aggregateId],
    )
  ).map(({ t }) => t);
const conflictOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => (error instanceof WrongExpectedVersion ? error.conflicts : error),
  );

/** Everything that has committed after a position, in pages of `max`. */
async function readAll(after: Position, max: number): Promise<StoredEvent[]> {
  await transactionsEnded(db.pool);
  return readPages(after, max);
}

async function readPages(after: Position, max: number): Promise<StoredEvent[]> {
  const all: StoredEvent[] = [];
  for (let at = after; ;) {
    const page = await readEvents(db.pool, at, max);
    all.push(...page);
    if (page.length < max) return all;
    at = page.at(-1)!.position;
  }
}

describe('appending with an expected version', () => {
  test('numbers the events of each stream on from there', async () => {
    const [a, b] = [newStream(), newStream()];
    await appendEvents(db.pool, [to(a, 0, 'made'), to(b, 0, 'made', 'changed')]);
    await appendEvents(db.pool, [to(b, 2, 'changed'), to(a, 1, 'closed')]);
    expect(await typesOf(a)).toEqual(['1 made', '2 closed']);
    expect(await typesOf(b)).toEqual(['1 made', '2 changed', '3 changed']);
  });

  test.each([
    ['a stream that has moved on', 0],
    ['a stream that is not so far', 3],
  ])('refuses %s, and writes nothing anywhere', async (_, expected) => {
    const [a, b] = [newStream(), newStream()];
    await appendEvents(db.pool, [to(a, 0, 'made')]);
    expect(await conflictOf(appendEvents(db.pool, [to(b, 0, 'made'), to(a, expected, 'changed')]))).toEqual([
      { aggregateId: a, expected, actual: 1 },
    ]);
    expect(await typesOf(a)).toEqual(['1 made']);
    expect(await typesOf(b)).toEqual([]);
  });

  test('of two at once the slower one is refused, not failed', async () => {
    const stream = newStream();
    await one.begin();
    await appendEvents(one, [to(stream, 0, 'mine')]);
    const slower = conflictOf(appendEvents(other, [to(stream, 0, 'yours')]));
    await other.blocked();
    await one.commit();
    expect(await slower).toEqual([{ aggregateId: stream, expected: 0, actual: 1 }]);
    expect(await typesOf(stream)).toEqual(['1 mine']);
  });

  test('an older transaction may not write after a younger one: readers would see the events change places', async () => {
    const stream = newStream();
    await one.begin();
    await one.query('select pg_current_xact_id()');
    await appendEvents(other, [to(stream, 0, 'first')]);
    expect(await faultOf(appendEvents(one, [to(stream, 1, 'second')]))).toBe('40001');
    await one.query('rollback');
    await withRetry(() => appendEvents(db.pool, [to(stream, 1, 'second')]));
    expect((await readAll(start, 100)).filter((e) => e.aggregateId === stream).map(({ type }) => type)).toEqual([
      'first',
      'second',
    ]);
  });

  test('the stream of an order is its saga’s: an event that somebody else adds stops it before it does anything', async () => {
    const [saga] = await doors(db.pool).pass(await accept(db.pool, [await shop(db.pool).payable()]), 1);
    const { orderId } = saga as Saga;
    await appendEvents(db.pool, [to(`order-${orderId}`, 1, 'stock.confirmed')]);
    expect(await faultOf(doors(db.pool).run(1, [saga as Saga]))).toBe('23505');
    expect(await typesOf(`order-${orderId}`)).toEqual(['1 order.validated', '2 stock.confirmed']);
    expect(await db.pool.query('select from balance_ledger where order_id = $1', [orderId])).toEqual([]);
  });

  test('has limits, and nothing to do is nothing done', async () => {
    await appendEvents(db.pool, []);
    const many = to(newStream(), 0, ...Array.from({ length: appendLimit + 1 }, () => 'made'));
    await expect(appendEvents(db.pool, [many])).rejects.toThrow(RangeError);
    await expect(readEvents(db.pool, start, readLimit + 1)).rejects.toThrow(RangeError);
    await expect(readEvents(db.pool, start, 0)).rejects.toThrow(RangeError);
    expect(new WrongExpectedVersion([], undefined).message).toBe('a stream is not at the expected version');
  });
});

describe('reading from a position', () => {
  test('an earlier id that commits later is not missed; a reader by id alone misses it', async () => {
    const [early, late] = [newStream(), newStream()];
    const before = (await readAll(start, 100)).at(-1)?.position ?? start;
    await one.begin();
    await appendEvents(one, [to(early, 0, 'early')]);
    await appendEvents(other, [to(late, 0, 'late')]);

    const byId = async (after: number) =>
      db.pool.query<{ global_seq: number; event_type: string }>(
        'select global_seq, event_type from event_store where global_seq > $1 order by global_seq',
        [after],
      );
    const naive = await byId(before.seq);
    const safe = await readPages(before, 100);
    expect(naive.map((row) => row.event_type)).toEqual(['late']);
    expect(safe).toEqual([]); // it waits for what is under way

    await one.commit();
    const naiveLater = await byId(naive.at(-1)!.global_seq);
    expect(naiveLater).toEqual([]); // 'early' is below its position: missed for ever
    expect((await readAll(before, 1)).map(({ type }) => type)).toEqual(['early', 'late']);
  });

  test('while many write at once, each event comes exactly once and in the order of its stream', async () => {
    const after = (await readAll(start, 1_000)).at(-1)?.position ?? start;
    const [writers, rounds] = [4, 25];
    const names = Array.from({ length: writers }, newStream);
    let writing = writers;
    const write = async (stream: string, n: number): Promise<void> => {
      const session = await openConnection({ url: db.url });
      for (let version = 0; version < rounds; version++) {
        await session.query('begin');
        await appendEvents(session, [to(stream, version, 'made')]);
        if ((version + n) % 3 === 0) await session.query('select pg_sleep(0.004)'); // holds its id while others go on
        await session.query((version + n) % 7 === 0 ? 'rollback; begin' : 'select');
        if ((version + n) % 7 === 0) await appendEvents(session, [to(stream, version, 'made')]);
        await session.query('commit');
      }
      await session.close();
      writing -= 1;
    };
    const work = Promise.all(names.map(write));
    const seen: StoredEvent[] = [];
    for (let at = after; seen.length < writers * rounds || writing > 0;) {
      const page = await readEvents(db.pool, at, 7);
      seen.push(...page);
      at = page.at(-1)?.position ?? at;
    }
    await work;
    for (const name of names) {
      const numbers = seen.filter((e) => e.aggregateId === name).map((e) => e.sequenceNumber);
      expect(numbers).toEqual(Array.from({ length: rounds }, (_, i) => i + 1));
    }
    expect(seen).toHaveLength(writers * rounds);
  });

  test('is by index, from wherever it goes on', async () => {
    await db.pool.query(
      `insert into event_store (aggregate_id, sequence_number, event_type) select 'bulk-' || n, 1, 'made' from generate_series(1, 20000) n`,
    );
    await db.pool.query('analyze event_store');
    const plan = await db.pool.query<{ 'QUERY PLAN': string }>(
      `explain (costs off) select * from read_events('5'::xid8, 100, 50)`,
    );
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain('Index Scan using event_store_position');
    expect(text).not.toContain('Sort');
  });
});
