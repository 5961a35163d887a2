import type { Tx } from '../../domain/ports.ts';
import type { CarriedSums } from './carried-sums.ts';

/** What a cycle looks at has an end: with more rows than that a rotation takes longer, and says so. */
const atMost = 100;

/** The slice of balances and stocks whose turn it is: a change that no ledger tells of is found when its row is. */
export interface Rotation {
  next(tx: Tx, sums: CarriedSums): Promise<{ readonly users: readonly number[]; readonly products: readonly number[] }>;
  /** Cycles until every row has had its turn. */
  cycles(sums: CarriedSums): number;
}

/** One row in `wantedCycles` is looked at in each cycle, changed or not; default 60. */
export function createRotation(wantedCycles = 60): Rotation {
  const share = (size: number): number => Math.min(atMost, Math.max(1, Math.ceil(size / wantedCycles)));
  const users = walk('balances', 'user_id', share);
  const products = walk('stocks', 'product_id', share);
  return {
    next: async (tx, { balances, stocks }) => ({
      users: await users(tx, balances),
      products: await products(tx, stocks),
    }),
    cycles: ({ balances, stocks }) =>
      Math.max(...[balances, stocks].map(({ size }) => Math.ceil(size / share(size))), 1),
  };
}

/** Through the table and through its ledger's sums: a row that one of them lacks is found by the other. */
function walk(table: string, key: string, share: (size: number) => number) {
  let lastKey = Number.MIN_SAFE_INTEGER;
  let slot = 0;
  return async (tx: Tx, pairs: CarriedSums['balances']): Promise<readonly number[]> => {
    const count = share(pairs.size);
    const rows = await tx.query<{ id: number }>(
      `select ${key} as id from ${table} where ${key} > $1::bigint order by ${key} limit $2::int`,
      [lastKey, count],
    );
    lastKey = (rows.length < count ? undefined : rows.at(-1)?.id) ?? Number.MIN_SAFE_INTEGER;
    const carried = pairs.ids(slot, count);
    slot = pairs.size === 0 ? 0 : (slot + count) % pairs.size;
    return [...new Set([...rows.map(({ id }) => id), ...carried])];
  };
}
