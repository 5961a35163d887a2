import { expect, test } from '@jest/globals';
import { evolveStock, noStock } from './stock-fold.ts';

const fold = (...movements: readonly (readonly [kind: string, qty: number])[]) =>
  movements.reduce((stock, [kind, qty]) => evolveStock(stock, kind, qty), noStock);

test.each([
  [[['RESTOCK', 10]], 10, 0],
  [
    [
      ['RESTOCK', 10],
      ['RESERVE', 3],
    ],
    7,
    3,
  ],
  [
    [
      ['RESTOCK', 10],
      ['RESERVE', 3],
      ['CONFIRM', 3],
    ],
    7,
    0,
  ],
  [
    [
      ['RESTOCK', 10],
      ['RESERVE', 3],
      ['RELEASE', 3],
    ],
    10,
    0,
  ],
  [
    [
      ['RESTOCK', 10],
      ['RESERVE', 3],
      ['CONFIRM', 3],
      ['UNCONFIRM', 3],
      ['RELEASE', 3],
    ],
    10,
    0,
  ],
] as const)('%j leaves %d available and %d reserved, in whatever order', (movements, available, reserved) => {
  expect(fold(...movements)).toEqual({ available, reserved });
  expect(fold(...[...movements].reverse())).toEqual({ available, reserved });
});

test('a movement that there is not is refused', () => {
  expect(() => evolveStock(noStock, 'LOSE', 1)).toThrow(RangeError);
});
