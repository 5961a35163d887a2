import { describe, expect, test } from '@jest/globals';
import type { Operation } from '../load/operation.ts';
import { askUntilTold, untold } from './ask-until-told.ts';

const operation = (orderId: number, outcome: Operation['outcome'], attempt = 1): Operation => ({
  ...{ orderId, userId: 1, couponId: null, expect: 'PAID', attempt, outcome, code: null, paymentId: null },
  ...{ status: outcome === 'paid' ? 201 : 409, intendedAt: 0, startedAt: 0, endedAt: 1, engine: null },
});

describe('asking until everybody is told', () => {
  test('asks those again whose payment was in progress, and nobody who was told', async () => {
    const asked: number[][] = [];
    const first = [operation(1, 'paid'), operation(2, 'unknown'), operation(3, 'unknown')];
    const log = await askUntilTold(first, (of) => {
      asked.push(of.map(({ orderId }) => orderId));
      const told =
        asked.length === 1 ? [operation(2, 'paid', 2), operation(3, 'unknown', 2)] : [operation(3, 'paid', 2)];
      return Promise.resolve(told);
    });
    expect(asked).toEqual([[1, 2, 3], [3]]);
    expect(log.map(({ orderId, attempt }) => [orderId, attempt])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
      [2, 2],
      [3, 2],
      [3, 3],
    ]);
    expect(untold(first, log)).toEqual([]);
  });

  test('gives up on who is never told', async () => {
    let rounds = 0;
    const first = [operation(1, 'unknown')];
    const log = await askUntilTold(first, () => Promise.resolve([operation(1, 'unknown', (rounds += 1))]));
    expect(rounds).toBe(3);
    expect(untold(first, log)).toEqual(first);
  });
});
