import type { Tx } from '../../domain/ports.ts';
import { type CarriedSums, keep, loadedMoney } from './carried-sums.ts';
import { subjectNamed } from './subjects.ts';
import { throughWindow, type WindowOf } from './windows.ts';

/** Adds what is new to the sums. Only when the cycle is over: until then they are those of the cycle before. */
export async function nextSums(tx: Tx, at: WindowOf): Promise<(sums: CarriedSums) => void> {
  const entry = throughWindow({ ...subjectNamed('balance ledger entry'), sql: lastEntries }, at.users, at);
  const stock = throughWindow(subjectNamed('stock'), at.products, at);
  const loaded = throughWindow(subjectNamed('loaded money'), [], at);
  const balances = await tx.query<never>(entry.subject.sql(entry.scope.within), entry.scope.values);
  const stocks = await tx.query<never>(
    `select id, folded_available::bigint as first, folded_reserved::bigint as second from (${stock.subject.sql(stock.scope.within)}) stock`,
    stock.scope.values,
  );
  const money = await loadedMoney(tx, loaded.subject.sql(loaded.scope.within), loaded.scope.values);
  return (sums) => {
    keep(sums.balances, balances);
    keep(sums.stocks, stocks);
    sums.loaded = money;
  };
}

const lastEntries = (within: (column: string) => string): string =>
  `select distinct on (user_id) user_id as id, balance_after as first, version as second from balance_ledger
   where ${within('user_id')} order by user_id, version desc, id desc`;
