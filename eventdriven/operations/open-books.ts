import type { Tx } from '../../domain/ports.ts';

/** What the books still hold for an order. Money in won. */
export interface OpenBooks {
  readonly orderStatus: string;
  readonly userId: number;
  /** Debited and not given back, less what was paid. */
  readonly debited: number;
  readonly couponId: number | null;
  /** Of each product that anything is held of. */
  readonly stock: readonly { readonly productId: number; readonly reserved: number; readonly confirmed: number }[];
}

/** Undefined when there is no such order. */
export async function readOpenBooks(tx: Tx, orderId: number): Promise<OpenBooks | undefined> {
  const [row] = await tx.query<OpenBooks>(
    `select o.status as "orderStatus", o.user_id as "userId",
       (coalesce((select -sum(l.amount) from balance_ledger l where l.order_id = o.id and l.kind in ('DEBIT', 'REFUND')), 0)
         - coalesce((select sum(p.amount) from payments p where p.order_id = o.id), 0))::bigint as debited,
       (select u.id from user_coupons u where u.id = o.user_coupon_id and u.used_order_id = o.id and u.status = 'USED') as "couponId",
       coalesce((
         select json_agg(json_build_object('productId', product_id, 'reserved', reserved, 'confirmed', confirmed) order by product_id) from (
           select l.product_id, sum(case when l.kind in ('RESERVE', 'UNCONFIRM') then l.qty else -l.qty end) as reserved,
             sum(case l.kind when 'CONFIRM' then l.qty when 'UNCONFIRM' then -l.qty else 0 end) as confirmed
           from stock_ledger l where l.order_id = o.id group by l.product_id) held
         where reserved <> 0 or confirmed <> 0), '[]') as stock
     from orders o where o.id = $1`,
    [orderId],
  );
  return row;
}

/** In words, one line each; none when nothing is open. Of an order that is PAID the stock is the customer's. */
export function openBooksText({ orderStatus, userId, debited, couponId, stock }: OpenBooks): string[] {
  if (orderStatus === 'PAID') return [];
  const open = ['PENDING', 'PAYING'].includes(orderStatus);
  return [
    ...(open ? [`the order stays ${orderStatus}: asked for again, its payment is 409 PAYMENT_IN_PROGRESS`] : []),
    ...(debited === 0 ? [] : [`${debited} won of user ${userId} were debited without a payment`]),
    ...stock.map(({ productId, reserved, confirmed }) =>
      confirmed === 0
        ? `${reserved} of product ${productId} stay reserved`
        : `${confirmed} of product ${productId} stay confirmed, neither sold nor free`,
    ),
    ...(couponId === null ? [] : [`coupon ${couponId} stays used`]),
  ];
}
