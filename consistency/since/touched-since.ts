import type { Tx } from '../../domain/ports.ts';
import type { SubjectKey } from '../catalogue/invariant.ts';
import { oneRow } from '../one-row.ts';

export type TouchedKeys = Readonly<Record<Exclude<SubjectKey, 'whole'>, readonly number[]>>;

/** A row's time is that of the begin of its transaction: what was open at the moment may have been written after it. */
const margin = `interval '1 minute'`;

/**
 * What has been written since, by the times of rows. An order has no time of its last change: it is found by the numbers of the
 * transactions that wrote rows since, all of which are later than all before.
 */
export async function touchedSince(tx: Tx, moment: Date): Promise<TouchedKeys> {
  const since = `($1::timestamptz - ${margin})`;
  const rows = await tx.query<{ orders: number[]; users: number[]; products: number[] }>(
    `with ledger as materialized (
       select order_id, user_id, null::bigint as product_id, xid from balance_ledger where created_at >= ${since}
       union all select order_id, null, product_id, xid from stock_ledger where created_at >= ${since}
       union all select order_id, null, null, xid from payments where created_at >= ${since}
       union all select substr(aggregate_id, 7)::bigint, null, null, xid from event_store
         where occurred_at >= ${since} and aggregate_id ~ '^order-[0-9]{1,15}$'
     ), touched as (
       select order_id from ledger where order_id is not null
       union select id from orders where created_at >= ${since} or xid >= (select min(xid) from ledger)
       union select order_id from saga_state where updated_at >= ${since}
       union select order_id from payment_route where decided_at >= ${since}
       union select order_id from external_event_log where created_at >= ${since} or last_attempt_at >= ${since}
     )
     select array(select order_id from touched) as orders,
       array(select user_id from ledger where user_id is not null union select o.user_id from orders o join touched t on t.order_id = o.id) as users,
       array(select product_id from ledger where product_id is not null union select i.product_id from order_items i join touched t on t.order_id = i.order_id) as products`,
    [moment],
  );
  const { orders, users, products } = oneRow(rows);
  const related = await tx.query<{ sagas: number[]; userCoupons: number[]; coupons: number[] }>(
    `with coupon as (
       select id, coupon_id from user_coupons where used_order_id = any($1::bigint[])
       union select u.id, u.coupon_id from orders o join user_coupons u on u.id = o.user_coupon_id where o.id = any($1::bigint[])
     )
     select array(select saga_id from saga_state where order_id = any($1::bigint[])) as sagas,
       array(select id from coupon) as "userCoupons", array(select distinct coupon_id from coupon) as coupons`,
    [orders],
  );
  const { sagas, userCoupons, coupons } = oneRow(related);
  return { order: orders, saga: sagas, user: users, product: products, coupon: coupons, 'user coupon': userCoupons };
}
