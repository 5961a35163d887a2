import type { Tx } from '../../domain/ports.ts';
import { oneRow } from '../one-row.ts';
import type { Floor, Mark } from './mark.ts';

/** What rows name that became visible since a mark. */
export interface ChangedKeys {
  readonly rows: number;
  readonly orders: readonly number[];
  readonly users: readonly number[];
  readonly products: readonly number[];
}

/** A number that was not given out yet is of the server that these rows were copied from. */
const isNew =
  'xid >= $1::xid8 and not pg_visible_in_snapshot(xid, $2::pg_snapshot) and xid <= coalesce(pg_current_xact_id_if_assigned(), pg_snapshot_xmax(pg_current_snapshot()))';

/**
 * Visibility decides, not a position: a transaction that was open at the mark and has committed since is new, whatever its number.
 * Orders are changed in place and found by the BRIN index on their xid, which tells blocks of old orders from those of new ones.
 */
export async function changedSince(tx: Tx, { snapshot, xmin }: Mark, { ids }: Floor): Promise<ChangedKeys> {
  const rows = await tx.query<ChangedKeys>(
    `with changed as (
       select order_id, user_id, null::bigint as product_id from balance_ledger where id > $3::bigint and ${isNew}
       union all
       select order_id, null, product_id from stock_ledger where id > $4::bigint and ${isNew}
       union all
       select order_id, null, null from payments where id > $5::bigint and ${isNew}
       union all
       select substr(aggregate_id, 7)::bigint, null, null from event_store where aggregate_id ~ '^order-[0-9]{1,15}$' and ${isNew}
       union all
       select id, null, null from orders where xid::text::bigint >= $1::text::bigint and ${isNew}
     )
     select count(*) as rows,
       coalesce(array_agg(distinct order_id) filter (where order_id is not null), '{}') as orders,
       coalesce(array_agg(distinct user_id) filter (where user_id is not null), '{}') as users,
       coalesce(array_agg(distinct product_id) filter (where product_id is not null), '{}') as products
     from changed`,
    [String(xmin), snapshot, ids.balance_ledger, ids.stock_ledger, ids.payments],
  );
  return oneRow(rows);
}

/** What belongs to orders without being changed by its own name. */
export interface RelatedKeys {
  readonly sagas: readonly number[];
  readonly userCoupons: readonly number[];
  /** The orders that those coupons name. */
  readonly couponOrders: readonly number[];
}

export async function relatedTo(tx: Tx, orders: readonly number[]): Promise<RelatedKeys> {
  const rows = await tx.query<RelatedKeys>(
    `with asked as (
       select user_coupon_id as id from orders where id = any($1::bigint[])
       union
       select user_coupon_id from payment_route where order_id = any($1::bigint[])
     ), coupon as (
       select u.id, u.used_order_id from asked join user_coupons u on u.id = asked.id
     )
     select array(select saga_id from saga_state where order_id = any($1::bigint[])) as sagas,
       array(select id from coupon) as "userCoupons",
       array(select distinct used_order_id from coupon where used_order_id is not null) as "couponOrders"`,
    [orders],
  );
  return oneRow(rows);
}
