import type { Tx } from '../../domain/ports.ts';
import { shop } from './shop.ts';

export interface PayableOrder {
  readonly id: number;
  readonly userId: number;
}

/** `count` payable orders of 20 users and 10 products, placed in a few statements. */
export async function manyOrders(tx: Tx, count: number): Promise<readonly PayableOrder[]> {
  const { user, product } = shop(tx);
  const users: number[] = [];
  while (users.length < 20) users.push(await user({ balance: 1_000_000_000 }));
  const products: number[] = [];
  while (products.length < 10) products.push(await product({ price: 1_000, stock: 10 * count }));
  return tx.query<PayableOrder>(
    `with wanted as (
       select n, ($2::bigint[])[1 + n % cardinality($2::bigint[])] as user_id, ($3::bigint[])[1 + n * 7 % cardinality($3::bigint[])] as product_id
       from generate_series(1, $1::int) n
     ), placed as (
       insert into orders (user_id, total_amount) select user_id, 1000 from wanted order by n returning id, user_id
     ), matched as (
       select p.id, p.user_id, w.product_id from (select *, row_number() over (order by id) as n from placed) p join wanted w on w.n = p.n
     ), items as (
       insert into order_items (order_id, product_id, qty, unit_price) select id, product_id, 1, 1000 from matched
     ), reserved as (
       update stocks s set available = s.available - m.qty, reserved = s.reserved + m.qty
       from (select product_id, count(*) as qty from matched group by product_id) m where m.product_id = s.product_id
     ), moved as (
       insert into stock_ledger (product_id, order_id, kind, qty) select product_id, id, 'RESERVE', 1 from matched
     )
     select id, user_id as "userId" from matched order by id`,
    [count, users, products],
  );
}
