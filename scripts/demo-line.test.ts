import { expect, test } from '@jest/globals';
import { emptyCounts } from './demo-counts.ts';
import { demoLine } from './demo-line.ts';

test('says what happened since the last line, per second', () => {
  const before = { ...emptyCounts(), legacy: 10, saga: 5, refused: 1 };
  const counts = { ...before, legacy: 30, saga: 10, refused: 2 };
  expect(demoLine(before, { counts, waiting: false, openSagas: 3, verified: 'holds' }, 10)).toBe(
    'payments/s 2.0 legacy, 0.5 saga · refused/s 0.1 · open sagas 3 · verified: holds',
  );
});

test('says when something is wrong, and when it does not know', () => {
  const before = emptyCounts();
  const counts = { ...before, failed: 4 };
  expect(demoLine(before, { counts, waiting: true, openSagas: undefined, verified: undefined }, 10)).toBe(
    'payments/s 0.0 legacy, 0.0 saga · refused/s 0.0 · open sagas ? · 4 failed · the router takes nothing now: waiting',
  );
});
