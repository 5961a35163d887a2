import type { Answer } from '../../domain/payment-engine.ts';
import type { Tx } from '../../domain/ports.ts';
import { shop } from '../support/services.ts';
import type { Payable } from './engines-at-once.ts';

export interface PresetLoad {
  /** One user and one product, or 50 of each. */
  readonly hot: boolean;
  readonly payments: number;
  /** Of ten payments this many are refused, in turn by the stock and, when all is taken already, by the pivot. */
  readonly refusedOfTen: number;
}

export interface PlannedPayment extends Payable {
  readonly ends: 'PAID' | 'STOCK_INSUFFICIENT' | 'PAYMENT_FAILED';
}

/** Places the orders. Who is refused by the pivot is another user: blocked, and rich. */
export async function placeOrders(tx: Tx, { hot, payments, refusedOfTen }: PresetLoad): Promise<PlannedPayment[]> {
  const { user, product, order } = shop(tx);
  const many = async (make: () => Promise<number>) => {
    const ids: number[] = [];
    while (ids.length < (hot ? 1 : 50)) ids.push(await make());
    return ids;
  };
  const [payers, blocked] = [
    await many(() => user({ balance: 1_000_000_000 })),
    await user({ blocked: true, balance: 1e9 }),
  ];
  const goods = await many(() => product({ stock: 10 * payments }));
  const planned: PlannedPayment[] = [];
  for (let n = 0; n < payments; n++) {
    const ends = n % 10 >= refusedOfTen ? 'PAID' : n % 2 === 0 ? 'STOCK_INSUFFICIENT' : 'PAYMENT_FAILED';
    const userId = ends === 'PAYMENT_FAILED' ? blocked : (payers[n % payers.length] as number);
    const lines = [{ productId: goods[(n * 7) % goods.length] as number, qty: 1 }];
    planned.push({ ...(await order({ userId, lines, lapsed: ends === 'STOCK_INSUFFICIENT' })), ends });
  }
  return planned;
}

export const endOf = (answer: Answer): string =>
  answer.kind === 'paid' ? 'PAID' : 'code' in answer ? answer.code : answer.kind;
