import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type BalanceEntry, evolveBalance, type FoldedBalance } from './balance-fold.ts';

/** Where the ledger ends; undefined from the first entry on that does not continue it. */
function fold(entries: readonly BalanceEntry[], from?: FoldedBalance): FoldedBalance | undefined {
  let balance = from;
  for (const entry of entries) {
    balance = evolveBalance(balance, entry);
    if (balance === undefined) return undefined;
  }
  return balance;
}

/** A ledger that is in order, beginning with some version. */
const ledger = fc
  .tuple(fc.nat(5), fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 60 }))
  .map(([first, amounts]) => {
    let balance = 0;
    return amounts.map((amount, i): BalanceEntry => ({
      amount,
      balanceAfter: (balance += amount),
      version: first + i,
    }));
  });

test('from any snapshot on, the fold ends where the fold from nothing does', () => {
  fc.assert(
    fc.property(ledger, fc.nat(), (entries, n) => {
      const at = n % entries.length;
      const { balanceAfter, version } = entries[at] as BalanceEntry;
      expect(fold(entries.slice(0, at + 1))).toEqual({ amount: balanceAfter, version });
      expect(fold(entries.slice(at + 1), { amount: balanceAfter, version })).toEqual(fold(entries));
    }),
  );
});

test('a wrong snapshot does not end there', () => {
  fc.assert(
    fc.property(ledger, fc.integer({ min: 1, max: 50 }), (entries, off) => {
      const { balanceAfter, version } = entries[0] as BalanceEntry;
      expect(fold(entries)).toBeDefined();
      expect(fold(entries.slice(1), { amount: balanceAfter + off, version })).not.toEqual(fold(entries));
    }),
  );
});

test.each([
  ['a version is left out', { amount: 1, balanceAfter: 11, version: 3 }],
  ['a version comes twice', { amount: 1, balanceAfter: 11, version: 1 }],
  ['the sum is another', { amount: 1, balanceAfter: 12, version: 2 }],
])('an entry does not continue the ledger when %s', (_, entry) => {
  expect(evolveBalance({ amount: 10, version: 1 }, entry)).toBeUndefined();
});
