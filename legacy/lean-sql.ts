import { type RefusalCode, refusalCodes } from '../domain/errors.ts';
import type { PayOrder } from '../domain/payment-engine.ts';
import type { Tx } from '../domain/ports.ts';
import { sqlState } from '../runtime/database.ts';
import { claimValues, type Verdict } from './verdict.ts';

/** `pay_order` raises it when a rule says no; the message is the code. */
const refusedState = 'SR001';

/** Microseconds from the start of the call; null in an answer that started nothing. */
export interface LockTimes {
  readonly order_locked_at_us: number | null;
  readonly coupon_locked_at_us: number | null;
  readonly balance_wait_us: number | null;
  readonly balance_locked_at_us: number | null;
  readonly stock_wait_us: number | null;
  readonly stock_locked_at_us: number | null;
}
export type Paid = Verdict & LockTimes & { readonly replayed: boolean };
export type Refused = Verdict & { readonly replayed: boolean };

const answerColumns = `verdict, route_side as side, route_reason as reason, route_bucket as bucket, route_version as config_version,
  worked_by as engine, refusal, payment_id, amount, saga_id, replayed`;

/** The whole payment, in a transaction of its own when `tx` is a pool. Answers the code when a rule refused and all was rolled back. */
export async function payOrder(
  tx: Tx,
  command: PayOrder,
  engine: string,
  addedMs: readonly number[],
): Promise<Paid | RefusalCode> {
  try {
    const rows = await tx.query<Paid>(
      `select ${answerColumns}, order_locked_at_us, coupon_locked_at_us,
         balance_wait_us, balance_locked_at_us, stock_wait_us, stock_locked_at_us
       from pay_order($1, $2, $3, $4, $5, $6, $7, $8, $9::float8[])`,
      [...claimValues(command), engine, addedMs],
    );
    return only(rows);
  } catch (error) {
    if (sqlState(error) === refusedState) return refusalOf(error);
    throw error;
  }
}

/** Writes the refusal: the order's status, and its stock given back. */
export async function refuseOrder(tx: Tx, command: PayOrder, engine: string, code: RefusalCode): Promise<Refused> {
  const rows = await tx.query<Refused>(
    `select ${answerColumns} from refuse_order($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [...claimValues(command), engine, code],
  );
  return only(rows);
}

function refusalOf(error: unknown): RefusalCode {
  const said = error instanceof Error ? error.message : '';
  const code = refusalCodes.find((known) => known === said);
  if (code === undefined) throw new Error(`pay_order refused with an unknown code '${said}'`, { cause: error });
  return code;
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('a payment function answered without a row');
  return row;
}
