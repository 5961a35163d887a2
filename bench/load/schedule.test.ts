import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { placeOnSchedule } from './schedule.ts';

const close = (values: readonly number[]) => values.map((value) => Number(value.toFixed(6)));

describe('the schedule of an open loop', () => {
  test('a request that was late is due at its tick, not when it was sent', () => {
    const { intendedAt, unservedAt } = placeOnSchedule([100.2, 110.5, 171, 171.1, 171.2, 171.3, 171.4, 171.5], 10, 0);
    expect(close(intendedAt)).toEqual([100.2, 110.2, 120.2, 130.2, 140.2, 150.2, 160.2, 170.2]);
    expect(unservedAt).toEqual([]);
  });

  test('the request that was least late shows where the schedule begins', () => {
    expect(close(placeOnSchedule([7, 10.1, 20], 10, 0).intendedAt)).toEqual([0, 10, 20]);
  });

  test('ticks that were left out are found between those that were taken', () => {
    const { intendedAt, unservedAt } = placeOnSchedule([0, 10, 50.4, 60], 10, 3);
    expect(close(intendedAt)).toEqual([0, 10, 50, 60]);
    expect(close(unservedAt)).toEqual([20, 30, 40]);
  });

  test('requests that were sent at once after a stall are due at the ticks before it', () => {
    const { intendedAt, unservedAt } = placeOnSchedule([0, 10, 71, 71.1, 71.2, 71.3], 10, 2);
    expect(close(intendedAt)).toEqual([0, 10, 40, 50, 60, 70]);
    expect(close(unservedAt)).toEqual([20, 30]);
  });

  test('ticks left out at the end are known by their number', () => {
    expect(close(placeOnSchedule([0, 10], 10, 2).unservedAt)).toEqual([20, 30]);
  });

  test('no request, no schedule', () => {
    expect(placeOnSchedule([], 10, 4)).toEqual({ intendedAt: [], unservedAt: [] });
  });

  test('whatever was taken and left out: each tick is used once, and nothing is due after it was sent', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.double({ min: 0, max: 9.9, noNaN: true })), { minLength: 1, maxLength: 80 }),
        (ticks) => {
          const sent = ticks.flatMap(([taken, lag], i) => (taken || i === 0 ? [i * 10 + (i === 0 ? 0 : lag)] : []));
          const left = ticks.flatMap(([taken], i) => (taken || i === 0 ? [] : [i * 10]));
          const { intendedAt, unservedAt } = placeOnSchedule(sent, 10, left.length);
          expect(close(unservedAt)).toEqual(left);
          expect(new Set(close([...intendedAt, ...unservedAt])).size).toBe(ticks.length);
          intendedAt.forEach((due, i) => {
            expect(due).toBeLessThanOrEqual((sent[i] ?? 0) + 1e-6);
          });
        },
      ),
    );
  });
});
