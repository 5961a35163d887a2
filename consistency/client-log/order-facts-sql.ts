import type { Tx } from '../../domain/ports.ts';

/** What the database has of one order that a client asked for. */
export interface OrderFacts {
  readonly orderId: number;
  /** Null: there is no such order. */
  readonly status: string | null;
  readonly userId: number | null;
  /** Whether its payment ever began; then with this coupon. */
  readonly routed: boolean;
  readonly couponId: number | null;
  /** COMPLETED ones. */
  readonly payments: number;
  readonly paymentId: number | null;
  readonly paidWon: number;
  readonly debits: number;
  readonly netWon: number;
  readonly confirmedQty: number;
}

/** One row per id, by key and never by a scan: a log is asked about in slices of a database of any size. */
export const orderFacts = (tx: Tx, orderIds: readonly number[]): Promise<OrderFacts[]> =>
  tx.query<OrderFacts>(factsSql, [orderIds]);

const factsSql = `
  select q.order_id as "orderId", o.status, o.user_id as "userId",
    r.order_id is not null as routed, r.user_coupon_id as "couponId",
    p.payments, p.payment_id as "paymentId", p.paid as "paidWon",
    m.debits, m.net as "netWon", s.confirmed as "confirmedQty"
  from unnest($1::bigint[]) q (order_id)
  left join orders o on o.id = q.order_id
  left join payment_route r on r.order_id = q.order_id
  cross join lateral (
    select count(*) as payments, max(id) as payment_id, coalesce(sum(amount), 0)::bigint as paid
    from payments x where x.order_id = q.order_id and x.status = 'COMPLETED') p
  cross join lateral (
    select count(*) filter (where kind = 'DEBIT') as debits, coalesce(sum(amount), 0)::bigint as net
    from balance_ledger x where x.order_id = q.order_id and kind in ('DEBIT', 'REFUND')) m
  cross join lateral (
    select coalesce(sum(case kind when 'CONFIRM' then qty else -qty end), 0)::bigint as confirmed
    from stock_ledger x where x.order_id = q.order_id and kind in ('CONFIRM', 'UNCONFIRM')) s`;
