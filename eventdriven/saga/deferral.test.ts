import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from './deferral.ts';

const attempts = fc.nat({ max: 10_000 });
const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

describe('the delay before a saga is tried again', () => {
  test('starts at a tenth of a second and doubles', () => {
    expect([0, 1, 2, 3].map((n) => backoffMs(n, () => 1))).toEqual([100, 200, 400, 800]);
  });

  test('lies between half and all of the step, and never above 30 s', () => {
    fc.assert(
      fc.property(attempts, chance, (n, drawn) => {
        const [ms, full] = [backoffMs(n, () => drawn), backoffMs(n, () => 1)];
        return ms >= full / 2 && ms <= full && full <= 30_000;
      }),
    );
    expect(backoffMs(10_000, () => 1)).toBe(30_000);
  });

  test('does not shrink with more attempts', () => {
    fc.assert(fc.property(attempts, (n) => backoffMs(n + 1, () => 0.5) >= backoffMs(n, () => 0.5)));
  });
});
