import type { Tx } from '../../domain/ports.ts';
import { evolveStock, type FoldedStock, noStock } from '../../domain/product/stock-fold.ts';
import { foldedBy, pagesOf } from './cursor.ts';
import type { Tally } from './tally.ts';

interface MovementRow {
  readonly product_id: number;
  readonly available: number | null;
  readonly reserved: number | null;
  readonly kind: string | null;
  readonly qty: number | null;
}

/** Summed up by the database: a hot product has a million movements, and their order means nothing. */
const movementsSql = `
  select coalesce(s.product_id, l.product_id) as product_id, s.available, s.reserved, l.kind, l.qty
  from stocks s
  full join (select product_id, kind, sum(qty)::bigint as qty from stock_ledger group by product_id, kind) l on l.product_id = s.product_id
  order by 1`;

interface Fold {
  readonly row: MovementRow;
  readonly stock: FoldedStock;
}

/** Folds the ledger of every product and compares. */
export async function compareStocks(tx: Tx, tally: Tally, signal: AbortSignal | undefined): Promise<void> {
  const pages = pagesOf<MovementRow>(tx, movementsSql, signal);
  const begin = (row: MovementRow): Fold => ({ row, stock: noStock });
  for await (const { row, stock } of foldedBy(pages, ({ product_id }) => product_id, begin, step)) {
    tally.examined('F5');
    if (row.available !== stock.available || row.reserved !== stock.reserved)
      tally.differs('F5', `stock ${row.product_id}`, null);
  }
}

const step = ({ stock }: Fold, row: MovementRow): Fold => ({
  row,
  stock: row.kind === null || row.qty === null ? stock : evolveStock(stock, row.kind, row.qty),
});
