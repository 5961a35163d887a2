import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { quantile } from './quantile.ts';

const edges = [1, 2, 4];

describe('a quantile of a histogram', () => {
  test('lies inside the bucket where the share is reached, by linear interpolation', () => {
    expect(quantile(0.5, edges, [0, 10, 10, 10])).toBe(1.5);
    expect(quantile(0.5, edges, [4, 4, 8, 8])).toBe(1);
    expect(quantile(0.75, edges, [4, 4, 8, 8])).toBe(3);
  });

  test('is unknown when nothing was observed, and the last edge when it lies beyond it', () => {
    expect(quantile(0.5, edges, [0, 0, 0, 0])).toBeNull();
    expect(quantile(0.5, edges, [])).toBeNull();
    expect(quantile(0.99, edges, [1, 1, 1, 10])).toBe(4);
  });

  test('never falls when the share rises', () => {
    const counts = fc.array(fc.nat(50), { minLength: 4, maxLength: 4 }).map((buckets) => {
      let sum = 0;
      return buckets.map((count) => (sum += count));
    });
    fc.assert(
      fc.property(
        counts,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (within, a, b) => {
          const [low, high] = [quantile(Math.min(a, b), edges, within), quantile(Math.max(a, b), edges, within)];
          return within.at(-1) === 0 ? low === null : low !== null && high !== null && low <= high && high <= 4;
        },
      ),
    );
  });
});
