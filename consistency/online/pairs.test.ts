import { expect, test } from '@jest/globals';
import { createPairs } from './pairs.ts';

test('keeps two numbers per id, of more ids than it began with room for, and overwrites', () => {
  const pairs = createPairs();
  for (let id = 1; id <= 5_000; id++) pairs.set(id, id * 2, -id);
  pairs.set(3_000, 1, 2);
  expect([pairs.size, pairs.get(1), pairs.get(3_000), pairs.get(5_000), pairs.get(5_001)]).toEqual([
    5_000,
    [2, -1],
    [1, 2],
    [10_000, -5_000],
    undefined,
  ]);
});

test('walks its ids round and round, none twice in a round', () => {
  const pairs = createPairs();
  expect(pairs.ids(0, 3)).toEqual([]);
  for (const id of [30, 10, 20]) pairs.set(id, 0, 0);
  expect([pairs.ids(0, 2), pairs.ids(2, 2), pairs.ids(1, 9)]).toEqual([
    [30, 10],
    [20, 30],
    [10, 20, 30],
  ]);
});
