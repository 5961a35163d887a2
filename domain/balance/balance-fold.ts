/** A balance as its ledger has left it. */
export interface FoldedBalance {
  readonly amount: number;
  readonly version: number;
}

export interface BalanceEntry {
  readonly amount: number;
  readonly balanceAfter: number;
  readonly version: number;
}

/**
 * The balance after one more entry; undefined when the entry does not continue what came before: another version than the next, or
 * another sum than it says. The first entry of a ledger begins with whatever version it has.
 */
export function evolveBalance(before: FoldedBalance | undefined, entry: BalanceEntry): FoldedBalance | undefined {
  const amount = (before?.amount ?? 0) + entry.amount;
  const follows = before === undefined || entry.version === before.version + 1;
  return follows && entry.balanceAfter === amount ? { amount, version: entry.version } : undefined;
}
