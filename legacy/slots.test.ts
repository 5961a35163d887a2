import { expect, test } from '@jest/globals';
import { createSlots } from './slots.ts';

test('runs at most as much as there are slots, in order, and gives the slot on when work fails', async () => {
  const slots = createSlots(2);
  const started: number[] = [];
  const ends: ((fail?: Error) => void)[] = [];
  const work = (n: number) =>
    slots.run(() => {
      started.push(n);
      return new Promise<number>((resolve, reject) => {
        ends[n] = (fail) => (fail === undefined ? resolve(n) : reject(fail));
      });
    });
  const all = [work(0), work(1), work(2), work(3)];
  const failed = all[1]?.catch((error: unknown) => error);
  expect(started).toEqual([0, 1]);
  ends[1]?.(new Error('broken'));
  expect(await failed).toEqual(new Error('broken'));
  expect(started).toEqual([0, 1, 2]);
  ends[0]?.();
  await all[0];
  expect(started).toEqual([0, 1, 2, 3]);
  ends[2]?.();
  ends[3]?.();
  expect(await Promise.all([all[0], all[2], all[3]])).toEqual([0, 2, 3]);
  expect(await slots.run(() => Promise.resolve('free again'))).toBe('free again');
});
