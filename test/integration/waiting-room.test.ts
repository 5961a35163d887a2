import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { goForward } from '../../eventdriven/orchestration/orchestrator.ts';
import type { Saga, SagaEnd } from '../../eventdriven/saga/saga.ts';
import { pollMs, WaitingRoom } from '../../eventdriven/saga/waiting-room.ts';
import { accept, doors } from '../support/sagas.ts';
import { type FreshDatabase, freshDatabase, shop } from '../support/services.ts';

let db: FreshDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());

const open = async (balance = 100_000): Promise<Saga> =>
  (await accept(db.pool, [await shop(db.pool).payable({ balance })]))[0] as Saga;
const settle = (saga: Saga): Promise<SagaEnd | null> => goForward(doors(db.pool).lanes, saga, 0);
const never = new AbortController().signal;

function furnished() {
  const failures: unknown[] = [];
  const room = new WaitingRoom(db.pool, (error) => failures.push(error));
  const wait = (saga: Saga, signal = never) => room.wait(saga.orderId, saga.sagaId, signal);
  return { room, wait, failures };
}

describe('who waits for a payment', () => {
  test('is called out by its message, at once and once', async () => {
    const { room, wait } = furnished();
    const saga = await open();
    const waiting = wait(saga);
    expect(room.size).toBe(1);
    const end: SagaEnd = { kind: 'paid', sagaId: saga.sagaId, orderId: saga.orderId, paymentId: 9, amount: 7 };
    room.call({ ...end, orderId: 0 });
    room.call(end);
    room.call({ ...end, paymentId: 10 });
    expect(await waiting).toEqual(end);
    expect(room.size).toBe(0);
  });

  test('hears nothing and finds the end in Postgres, paid or refused', async () => {
    const { room, wait, failures } = furnished();
    const [paid, refused, working] = [await open(), await open(0), await open()];
    const waiting = [paid, refused].map((saga) => wait(saga));
    void wait(working);
    room.start();
    const ends = [await settle(paid), await settle(refused)];
    expect(await Promise.all(waiting)).toEqual(ends);
    expect(ends.map((end) => end?.kind)).toEqual(['paid', 'refused']);
    await room.stop();
    expect([room.size, failures]).toEqual([1, []]);
  });

  test('is not looked up before a message has had its time', async () => {
    const { room, wait } = furnished();
    const saga = await open();
    await settle(saga);
    const waiting = wait(saga);
    await room.poll();
    expect(room.size).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, pollMs + 10));
    await room.poll();
    expect(await waiting).toMatchObject({ kind: 'paid' });
  });

  test('leaves when its request is gone, before or while it waits', async () => {
    const { room, wait } = furnished();
    const saga = await open();
    const request = new AbortController();
    void wait(saga, request.signal);
    request.abort();
    void wait(saga, request.signal);
    expect(room.size).toBe(0);
  });

  test('keeps waiting when Postgres is away for a poll', async () => {
    const failures: unknown[] = [];
    let away = true;
    const saga = await open();
    const room = new WaitingRoom(
      {
        query: async (text, values) => {
          if (away) throw new Error('away');
          return db.pool.query(text, values);
        },
      },
      (error) => {
        failures.push(error);
        away = false;
      },
    );
    const waiting = room.wait(saga.orderId, saga.sagaId, never);
    await settle(saga);
    room.start();
    expect(await waiting).toMatchObject({ kind: 'paid' });
    await room.stop();
    expect(failures).toHaveLength(1);
  });
});
