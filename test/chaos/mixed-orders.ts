import type { Tx } from '../../domain/ports.ts';
import { call, type Reply } from '../support/api-client.ts';
import { shop } from '../support/services.ts';

export interface MixedOrder {
  readonly id: number;
  readonly userId: number;
  readonly couponId: number | null;
  readonly ends: 'PAID' | 'BALANCE_INSUFFICIENT' | 'STOCK_INSUFFICIENT' | 'PAYMENT_FAILED';
}

export interface Buyer {
  readonly order: MixedOrder;
  readonly reply: Reply;
}

const kinds = [
  'PAID',
  'PAID',
  'BALANCE_INSUFFICIENT',
  'PAID',
  'STOCK_INSUFFICIENT',
  'PAID',
  'PAYMENT_FAILED',
  'PAID',
] as const;
/** Half of the users are in buckets below 50, half above. */
const buckets = [3, 97, 21, 64, 45, 72, 10, 88];

/** Orders of few users, each of two out of four products; three of eight must be refused, each at another boundary. */
export async function placeMixed(tx: Tx, count: number): Promise<readonly MixedOrder[]> {
  const { product, coupon, order } = shop(tx);
  const products: number[] = [];
  while (products.length < 4) products.push(await product({ price: 1_000, stock: 10 * count }));
  const payers = new Map<string, number>();
  for (const [i, kind] of ['PAID', 'BALANCE_INSUFFICIENT', 'PAYMENT_FAILED'].entries()) {
    for (const bucket of buckets) payers.set(`${kind} ${bucket}`, await userWith(tx, 100 * (i + 1) + bucket, kind));
  }
  const placed: MixedOrder[] = [];
  for (let n = 0; n < count; n++) {
    const ends = kinds[n % kinds.length] as MixedOrder['ends'];
    const payer = ends === 'STOCK_INSUFFICIENT' ? 'PAID' : ends;
    const userId = payers.get(`${payer} ${buckets[(n * 3 + (n >> 3)) % buckets.length]}`) as number;
    const lines = [n % 4, (n + 1) % 4].map((at) => ({ productId: products[at] as number, qty: 1 + (n % 2) }));
    const couponId = ends === 'PAID' && n % 3 === 0 ? await coupon({ userId }) : null;
    placed.push({ ...(await order({ userId, lines, lapsed: ends === 'STOCK_INSUFFICIENT' })), couponId, ends });
  }
  return placed;
}

async function userWith(tx: Tx, id: number, kind: string): Promise<number> {
  const balance = kind === 'BALANCE_INSUFFICIENT' ? 10 : 1_000_000_000;
  await tx.query(
    `with payer as (insert into users (id, payment_blocked) values ($1, $2)),
       purse as (insert into balances (user_id, amount, version) values ($1, $3, 1))
     insert into balance_ledger (user_id, kind, amount, balance_after, version) values ($1, 'OPENING', $3, $3, 1)`,
    [id, kind === 'PAYMENT_FAILED', balance],
  );
  return id;
}

const clients = 16;

/**
 * Pays them all through a router. A buyer who hears nothing final asks again, as the idempotency of the order allows. `events`
 * are called, one after the other, when so many have their answer, while the buying goes on.
 */
export async function buyAll(
  router: string,
  orders: readonly MixedOrder[],
  events: Readonly<Record<number, () => Promise<void>>> = {},
): Promise<readonly Buyer[]> {
  const bought = new Map<number, Buyer>();
  const waiting = [...orders];
  let happening: Promise<void> = Promise.resolve();
  const client = async (): Promise<void> => {
    for (let order = waiting.shift(); order !== undefined; order = waiting.shift()) {
      bought.set(order.id, { order, reply: await buy(router, order) });
      const event = events[bought.size];
      if (event !== undefined) happening = happening.then(event);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await happening;
  return orders.map(({ id }) => bought.get(id) as Buyer);
}

async function buy(router: string, { id, userId, couponId }: MixedOrder): Promise<Reply> {
  const body = { userId, ...(couponId === null ? {} : { couponId }) };
  for (;;) {
    const reply = await call('POST', `${router}/v1/orders/${id}/payments`, body).catch(() => undefined);
    if (reply?.status === 201 || reply?.status === 422) return reply;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
