import { describe, expect, test } from '@jest/globals';
import { evenly, integer, randomOf, shuffled } from './random.ts';

const drawn = (next: () => number, count: number): number[] => Array.from({ length: count }, next);

describe('seeded chance', () => {
  test('the same seed and stream give the same numbers, any other gives others', () => {
    expect(drawn(randomOf(1, 2), 5)).toEqual(drawn(randomOf(1, 2), 5));
    expect(drawn(randomOf(1, 2), 5)).not.toEqual(drawn(randomOf(1, 3), 5));
    expect(drawn(randomOf(1, 2), 5)).not.toEqual(drawn(randomOf(2, 2), 5));
  });

  test.each([
    ['within one stream', () => drawn(randomOf(7, 7), 100_000)],
    [
      'over the first numbers of neighbouring streams',
      () => Array.from({ length: 100_000 }, (_, i) => randomOf(7, i)()),
    ],
  ])('numbers are spread evenly %s', (_, sample) => {
    const cells = new Array<number>(100).fill(0);
    for (const x of sample()) cells[Math.floor(x * 100)]!++;
    const chiSquare = cells.reduce((sum, n) => sum + (n - 1_000) ** 2 / 1_000, 0);
    expect(chiSquare).toBeLessThan(149); // 99 degrees of freedom, p = 0.001
  });

  test('integers reach both ends and nothing beyond', () => {
    const random = randomOf(3, 3);
    expect([...new Set(Array.from({ length: 200 }, () => integer(random, 2, 5)))].sort()).toEqual([2, 3, 4, 5]);
  });

  test('a shuffle keeps every value and leaves its input alone', () => {
    const values = Array.from({ length: 50 }, (_, i) => i);
    const mixed = shuffled(randomOf(1, 1), values);
    expect(mixed).not.toEqual(values);
    expect([...mixed].sort((a, b) => a - b)).toEqual(values);
    expect(values[0]).toBe(0);
  });

  test('even sequences hit a share to within 3 in every run of 400, and two axes do not fall into step', () => {
    for (let from = 0; from < 20_000; from += 100) {
      const hits = (axis: 0 | 1 | 2): boolean[] =>
        Array.from({ length: 400 }, (_, i) => evenly(axis, from + i, 0.3) < 0.2);
      const [a, b] = [hits(0), hits(1)];
      expect(Math.abs(a.filter(Boolean).length - 80)).toBeLessThanOrEqual(3);
      expect(Math.abs(a.filter((x, i) => x && b[i]).length - 16)).toBeLessThanOrEqual(6);
    }
  });
});
