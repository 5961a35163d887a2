import { expect, test } from '@jest/globals';
import { backoffMs } from './backoff.ts';

const limits = { retryFirstMs: 100, retryCapMs: 30_000 };

test('doubles with each try up to the cap', () => {
  expect([1, 2, 3, 9, 10, 5_000].map((attempt) => backoffMs(attempt, limits, () => 1))).toEqual([
    100, 200, 400, 25_600, 30_000, 30_000,
  ]);
});

test('jitter takes off up to half', () => {
  expect(backoffMs(3, limits, () => 0)).toBe(200);
});
