import { describe, expect, test } from '@jest/globals';
import { scoreOf } from './score.ts';

describe('the consistency score', () => {
  test('nothing touched among n proves about 1 - 3/n', () => {
    expect(scoreOf(0, 30_000).lowerBound95).toBeCloseTo(0.9999, 5);
    expect(scoreOf(0, 100).lowerBound95).toBeCloseTo(0.05 ** 0.01, 9);
  });

  test.each([
    [1, 100, 0.95344], // computed apart, with 400 digits
    [5, 100, 0.89774],
    [500, 1_000, 0.47348],
  ])('%d touched among %d proves the bound of Clopper and Pearson', (touched, examined, bound) => {
    expect(scoreOf(touched, examined).lowerBound95).toBeCloseTo(bound, 4);
  });

  test('nothing examined and everything touched prove nothing', () => {
    expect(scoreOf(0, 0).lowerBound95).toBe(0);
    expect(scoreOf(7, 7).lowerBound95).toBe(0);
    expect(scoreOf(9, 7).lowerBound95).toBe(0);
  });

  test('a million orders are no obstacle', () => {
    expect(scoreOf(100, 1_000_000).lowerBound95).toBeCloseTo(1 - 118.08e-6, 6);
  });
});
