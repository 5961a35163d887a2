import type { Tx } from '../../domain/ports.ts';
import { oneRow } from '../one-row.ts';
import { among } from '../scope.ts';
import { subjectNamed } from './subjects.ts';

/** What is on its way: taken from users and not yet paid or given back, kept from the shelf and not yet sold or put back. */
export interface InFlight {
  /** Sagas that are open, or were given up with their order open. */
  readonly sagas: number;
  readonly moneyWon: number;
  readonly stock: number;
  /** The orders of those that are open longest, to be examined whether they change or not. */
  readonly oldestOrders: readonly number[];
}

/** Of a backlog that is larger the oldest so many are counted: enough to see that it is large. */
const countedSagas = 2_000;
/** Enough for what is late to be seen; a few milliseconds. */
const watchedSagas = 100;

/** An engine of one transaction never shows its money on the way: what is in flight is of open sagas. */
export async function inFlight(tx: Tx): Promise<InFlight> {
  const open = await tx.query<{ order_id: number }>(
    `(select order_id from saga_state where status in ('RUNNING', 'COMPENSATING') order by saga_id limit $1::int)
     union all
     (select g.order_id from saga_state g join orders o on o.id = g.order_id
      where g.status = 'FAILED' and o.status in ('PENDING', 'PAYING') order by g.saga_id limit $1::int)`,
    [countedSagas],
  );
  if (open.length === 0) return { sagas: 0, moneyWon: 0, stock: 0, oldestOrders: [] };
  const orders = open.map(({ order_id }) => order_id);
  const { within, values } = among(orders);
  const sums = await tx.query<{ money: number; stock: number }>(
    `select coalesce(sum(-net - paid), 0)::bigint as money, coalesce(sum(held) filter (where status <> 'PENDING'), 0)::bigint as stock
     from (${subjectNamed('order').sql(within)}) subject`,
    values,
  );
  const { money, stock } = oneRow(sums);
  return { sagas: open.length, moneyWon: money, stock, oldestOrders: orders.slice(0, watchedSagas) };
}
