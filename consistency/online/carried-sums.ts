import type { Tx } from '../../domain/ports.ts';
import { pagesOf } from '../from-events/cursor.ts';
import { everything } from '../scope.ts';
import { createPairs, type Pairs } from './pairs.ts';
import { subjectNamed } from './subjects.ts';

/** The ledgers as of the last cycle, folded: what is new is added to them, so that a long ledger costs no more than a short one. */
export interface CarriedSums {
  /** By user: balance after and version of the last entry. */
  readonly balances: Pairs;
  /** By product: available, reserved. */
  readonly stocks: Pairs;
  loaded: LoadedMoney;
}

interface LoadedMoney {
  readonly opening: number;
  readonly topUps: number;
}

interface Sum {
  readonly id: number;
  readonly first: number;
  readonly second: number;
}

const stocksSql = `select id, folded_available::bigint as first, folded_reserved::bigint as second
  from (${subjectNamed('stock').sql(everything.within)}) stock`;
const balancesSql = `select distinct on (user_id) user_id as id, balance_after as first, version as second
  from balance_ledger order by user_id, version desc, id desc`;

/** One look at all the ledgers there are. */
export async function foldAll(tx: Tx, signal?: AbortSignal): Promise<CarriedSums> {
  const sums = { balances: createPairs(), stocks: createPairs() };
  for (const [pairs, sql] of [
    [sums.balances, balancesSql],
    [sums.stocks, stocksSql],
  ] as const) {
    for await (const page of pagesOf<Sum>(tx, sql, signal)) keep(pairs, page);
  }
  return { ...sums, loaded: await loadedMoney(tx, subjectNamed('loaded money').sql(everything.within), []) };
}

export async function loadedMoney(tx: Tx, sql: string, values: readonly unknown[]): Promise<LoadedMoney> {
  const [row] = await tx.query<LoadedMoney>(
    `select opening::bigint as opening, top_ups::bigint as "topUps" from (${sql}) loaded`,
    values,
  );
  return row ?? { opening: 0, topUps: 0 };
}

export function keep(pairs: Pairs, rows: readonly Sum[]): void {
  for (const { id, first, second } of rows) pairs.set(id, first, second);
}
