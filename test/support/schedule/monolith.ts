import type { Tx } from '../../../domain/ports.ts';
import type { Draw } from './draw.ts';
import type { World } from './world.ts';

/** Works while the monolith's session holds a row that the payments need. */
export async function holdARow<T>(db: Tx, world: World, draw: Draw, work: () => Promise<T>): Promise<T> {
  const [text, id] = draw.pick([
    ['select from orders where id = $1 for update', draw.pick(world.orders)],
    ['select from balances where user_id = $1 for update', draw.pick(world.users)],
    ['select from stocks where product_id = $1 for update', draw.pick(world.products)],
  ] as const) ?? ['select $1::bigint', 0];
  await db.query('begin');
  await db.query(text, [id]);
  return work().finally(() => db.query('rollback'));
}

/** Lets an order's reservation lapse, as whoever cleans up does: stock rows locked, then what is live goes back. */
export async function lapse(db: Tx, orderId: number): Promise<void> {
  await db.query('begin');
  await db.query(
    `select from stocks where product_id = any(array(select product_id from order_items where order_id = $1)) order by product_id for update`,
    [orderId],
  );
  await db.query(
    `with live as (
       select product_id, sum(case when kind in ('RESERVE', 'UNCONFIRM') then qty else -qty end)::bigint as qty
       from stock_ledger where order_id = $1 group by product_id
     ), back as (
       update stocks s set reserved = s.reserved - l.qty, available = s.available + l.qty from live l where s.product_id = l.product_id and l.qty > 0
     )
     insert into stock_ledger (product_id, order_id, kind, qty) select product_id, $1, 'RELEASE', qty from live where qty > 0`,
    [orderId],
  );
  await db.query('commit');
}
