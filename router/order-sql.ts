import type { Tx } from '../domain/ports.ts';

export interface OrderLine {
  readonly productId: number;
  readonly qty: number;
}

export interface StockedProduct {
  readonly id: number;
  readonly price: number;
  readonly available: number;
}

/** Locks the products' stocks in the order that every engine locks them in. */
export const lockStocks = (tx: Tx, productIds: readonly number[]): Promise<StockedProduct[]> =>
  tx.query<StockedProduct>(
    `select p.id, p.price, s.available from stocks s join products p on p.id = s.product_id
     where s.product_id = any($1::bigint[]) order by s.product_id for update of s`,
    [productIds],
  );

/** Order, lines, reservation, its ledger and what the outside hears of it in one statement; undefined when there is no such user. Stocks are locked already. */
export async function insertOrder(tx: Tx, userId: number, lines: readonly OrderLine[]): Promise<number | undefined> {
  const [row] = await tx.query<{ id: number }>(
    `with line as materialized (
       select l.product_id, l.qty, p.price from unnest($2::bigint[], $3::bigint[]) l (product_id, qty)
       join products p on p.id = l.product_id
     ), placed as (
       insert into orders (user_id, total_amount)
       select u.id, (select sum(qty * price) from line) from users u where u.id = $1 returning id, total_amount
     ), item as (
       insert into order_items (order_id, product_id, qty, unit_price)
       select o.id, l.product_id, l.qty, l.price from placed o, line l
     ), reserved as (
       update stocks s set available = s.available - l.qty, reserved = s.reserved + l.qty
       from line l where s.product_id = l.product_id and exists (select from placed)
     ), ledger as (
       insert into stock_ledger (product_id, order_id, kind, qty)
       select l.product_id, o.id, 'RESERVE', l.qty from placed o, line l order by l.product_id
     ), told as ( -- the outside hears of it if somebody has a route for it, see domain/delivery-events.ts
       insert into external_event_log (order_id, event_type, target_system, event_data)
       select o.id, r.event_type, r.target_system, jsonb_build_object('orderId', o.id, 'userId', $1::bigint) || case r.event_type
         when 'order.created' then jsonb_build_object('totalAmount', o.total_amount, 'lines', (select jsonb_agg(
           jsonb_build_object('productId', l.product_id, 'qty', l.qty, 'unitPrice', l.price) order by l.product_id) from line l))
         else jsonb_build_object('activity', 'order.created', 'amount', o.total_amount) end
       from placed o cross join delivery_route r where r.event_type in ('order.created', 'user.activity')
     )
     select id from placed`,
    [userId, lines.map((line) => line.productId), lines.map((line) => line.qty)],
  );
  return row?.id;
}

export interface OrderRow {
  readonly orderId: number;
  readonly userId: number;
  readonly status: string;
  readonly engine: string | null;
  readonly totalAmount: number;
  readonly discountAmount: number;
  readonly finalAmount: number | null;
  readonly refusalCode: string | null;
  readonly createdAt: Date;
  readonly lines: readonly unknown[];
}

export async function readOrder(tx: Tx, orderId: number): Promise<OrderRow | undefined> {
  const [row] = await tx.query<OrderRow>(
    `select o.id as "orderId", o.user_id as "userId", o.status, o.engine, o.total_amount as "totalAmount",
       o.discount_amount as "discountAmount", o.final_amount as "finalAmount", o.refusal_code as "refusalCode", o.created_at as "createdAt",
       coalesce((select json_agg(json_build_object('productId', i.product_id, 'qty', i.qty, 'unitPrice', i.unit_price) order by i.product_id)
         from order_items i where i.order_id = o.id), '[]') as lines
     from orders o where o.id = $1`,
    [orderId],
  );
  return row;
}

export interface PaymentRow {
  readonly userId: number;
  readonly status: string;
  readonly code: string | null;
  readonly engine: string | null;
  readonly side: string | null;
  readonly reason: string | null;
  readonly bucket: number | null;
  readonly version: number | null;
  readonly paymentId: number | null;
  readonly amount: number | null;
  readonly sagaId: number | null;
}

export async function readPayment(tx: Tx, orderId: number): Promise<PaymentRow | undefined> {
  const [row] = await tx.query<PaymentRow>(
    `select o.user_id as "userId", o.status, o.refusal_code as code, o.engine, r.side, r.reason, r.bucket, r.config_version as version,
       p.id as "paymentId", p.amount, s.saga_id as "sagaId"
     from orders o
     left join payment_route r on r.order_id = o.id
     left join payments p on p.order_id = o.id
     left join saga_state s on s.order_id = o.id
     where o.id = $1`,
    [orderId],
  );
  return row;
}
