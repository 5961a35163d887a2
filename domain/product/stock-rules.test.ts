import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refusalOf } from '../../test/support/refusal.ts';
import { assertReservationLive, reservedQty, type StockMovement } from './stock-rules.ts';

const qty = fc.integer({ min: 1, max: 1_000 });
const reserve = (n: number): StockMovement => ({ kind: 'RESERVE', qty: n });

/** What can happen to a reservation, in an order in which it can happen. */
const lives: readonly (readonly StockMovement['kind'][])[] = [
  ['RESERVE'],
  ['RESERVE', 'CONFIRM', 'UNCONFIRM'],
  ['RESERVE', 'RELEASE'],
  ['RESERVE', 'CONFIRM'],
  ['RESERVE', 'CONFIRM', 'UNCONFIRM', 'RELEASE'],
];

describe('a reservation', () => {
  test('can be confirmed for as much as is still live', () => {
    fc.assert(
      fc.property(
        qty,
        qty,
        (held, wanted) =>
          (refusalOf(() => assertReservationLive([reserve(held)], wanted)) === 'STOCK_INSUFFICIENT') === wanted > held,
      ),
    );
  });

  test.each([
    ['lapsed', 'RELEASE'],
    ['confirmed', 'CONFIRM'],
  ] as const)('that is %s is not live any more', (_, kind) => {
    expect(refusalOf(() => assertReservationLive([reserve(2), { kind, qty: 2 }], 1))).toBe('STOCK_INSUFFICIENT');
  });

  test('is live again once its confirmation was taken back', () => {
    const movements: StockMovement[] = [reserve(2), { kind: 'CONFIRM', qty: 2 }, { kind: 'UNCONFIRM', qty: 2 }];
    expect(refusalOf(() => assertReservationLive(movements, 2))).toBeUndefined();
  });

  test('is never below zero nor above what was reserved, whatever may happen to it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...lives), qty, (kinds, n) => {
        const live = reservedQty(kinds.map((kind) => ({ kind, qty: n })));
        return live === 0 || live === n;
      }),
    );
  });

  test('is nothing where nothing was reserved: new goods on the shelf belong to no order', () => {
    expect(reservedQty([])).toBe(0);
    expect(reservedQty([{ kind: 'RESTOCK', qty: 9 }])).toBe(0);
  });
});
