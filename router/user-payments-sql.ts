import type { Tx } from '../domain/ports.ts';

export interface UserPayment {
  readonly paymentId: number;
  readonly orderId: number;
  readonly amount: number;
  readonly paidAt: Date;
}

/** The newest below `before`, by number. */
export const readUserPayments = (tx: Tx, userId: number, before: number, limit: number): Promise<UserPayment[]> =>
  tx.query<UserPayment>(
    `select payment_id as "paymentId", order_id as "orderId", amount, paid_at as "paidAt"
     from user_payment where user_id = $1 and payment_id < $2 order by payment_id desc limit $3`,
    [userId, before, limit],
  );

export interface Freshness {
  readonly asOf: Date | null;
  readonly ageSeconds: number | null;
}

/** Of the stream that is furthest behind; null as long as one of them has not been read. Read it before the list, not after. */
export async function readFreshness(tx: Tx): Promise<Freshness> {
  const [row] = await tx.query<Freshness>(
    `select as_of as "asOf", round(extract(epoch from clock_timestamp() - as_of), 3)::float8 as "ageSeconds"
     -- two streams: the events of the sagas, and the payments of engines without events
     from (select case when count(as_of) = 2 then min(as_of) end as as_of
           from projection_position where projection = 'user-payments') oldest`,
  );
  return row ?? { asOf: null, ageSeconds: null };
}
