import { describe, expect, test } from '@jest/globals';
import { randomOf } from './random.ts';
import { estimateTheta, zipf } from './zipf.ts';

function countsOf(n: number, theta: number, draws: number): number[] {
  const [rank, random] = [zipf(n, theta), randomOf(5, 5)];
  const counts = new Array<number>(n).fill(0);
  for (let i = 0; i < draws; i++) counts[rank(random()) - 1]!++;
  return counts;
}

describe('zipf', () => {
  test.each([0, 0.5, 0.99, 1.4])('theta %d is recovered from a sample within 0.05', (theta) => {
    expect(Math.abs(estimateTheta(countsOf(1_000, theta, 100_000)) - theta)).toBeLessThan(0.05);
  });

  test('each rank comes as often as 1 / rank^theta says', () => {
    const draws = 200_000;
    const weights = Array.from({ length: 50 }, (_, i) => (i + 1) ** -0.99);
    const sum = weights.reduce((a, b) => a + b, 0);
    const chiSquare = countsOf(50, 0.99, draws).reduce((chi, count, i) => {
      const expected = (draws * (weights[i] as number)) / sum;
      return chi + (count - expected) ** 2 / expected;
    }, 0);
    expect(chiSquare).toBeLessThan(85); // 49 degrees of freedom, p = 0.001
  });

  test('both ends of [0, 1) are ranks', () => {
    const rank = zipf(10, 0.99);
    expect([rank(0), rank(1 - 2 ** -32), zipf(1, 0.99)(0.5)]).toEqual([1, 10, 1]);
  });
});
