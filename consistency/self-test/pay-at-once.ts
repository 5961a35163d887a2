import type { Tx } from '../../domain/ports.ts';
import { sqlState } from '../../runtime/database.ts';

// Pays through the SQL functions alone, as the engines do: the rows are theirs, without their processes.

/** What is asked for. */
export interface Asked {
  readonly orderId: number;
  readonly userId: number;
  /** A user_coupons id. */
  readonly couponId: number | null;
}

export interface Paid {
  readonly orderId: number;
  readonly outcome: 'paid' | 'refused';
  readonly paymentId?: number;
  readonly code?: string;
}

/** In one transaction, a refusal in a second one. The delivery is written for every engine, also for those that leave none. */
export async function payAtOnce(tx: Tx, { orderId, userId, couponId }: Asked, engine: string): Promise<Paid> {
  const request = [orderId, userId, couponId, 'legacy', 'pinned', userId % 100, 1, engine];
  try {
    const [row] = await tx.query<{ payment_id: number }>(
      'select * from pay_order($1, $2, $3, $4, $5, $6, $7, $8, array[0, 0, 0, 0, 0]::float8[])',
      request,
    );
    return { orderId, outcome: 'paid', ...(row && { paymentId: row.payment_id }) };
  } catch (error) {
    if (!(error instanceof Error) || sqlState(error) !== refusedByRule) throw error;
    await tx.query('select * from refuse_order($1, $2, $3, $4, $5, $6, $7, $8, $9)', [...request, error.message]);
    return { orderId, outcome: 'refused', code: error.message };
  }
}

/** The SQLSTATE by which pay_order rolls back what a rule refused; its message is the code. */
const refusedByRule = 'SR001';

export const payLean = (tx: Tx, asked: Asked): Promise<Paid> => payAtOnce(tx, asked, 'legacy-lean');
