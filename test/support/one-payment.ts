import type { Tx } from '../../domain/ports.ts';
import type { Style } from '../../eventdriven/saga/doorbell.ts';
import type { Saga } from '../../eventdriven/saga/saga.ts';
import { accept } from './sagas.ts';
import { shop } from './shop.ts';

export interface OnePayment {
  readonly saga: Saga;
  readonly userId: number;
  readonly productId: number;
}

export interface PaymentWanted {
  /** The user is not allowed to pay: createPayment refuses. */
  readonly blocked?: boolean;
  /** Default a new one, with 1,000 won. */
  readonly userId?: number;
  /** Called before it is accepted. */
  readonly before?: (orderId: number) => Promise<unknown>;
}

/** 300 won for one of 5 products, accepted by a saga that nobody is told of. */
export async function acceptOne(tx: Tx, style: Style, wanted: PaymentWanted = {}): Promise<OnePayment> {
  const { user, product, order } = shop(tx);
  const userId = wanted.userId ?? (await user({ balance: 1_000, blocked: wanted.blocked ?? false }));
  const productId = await product({ price: 300, stock: 5 });
  const placed = await order({ userId, lines: [{ productId, qty: 1 }] });
  await wanted.before?.(placed.id);
  const [saga] = (await accept(tx, [placed], style)) as [Saga];
  return { saga, userId, productId };
}

/** One that the rescuer finds at once. */
export async function acceptOneDue(tx: Tx, style: Style, wanted?: PaymentWanted): Promise<OnePayment> {
  const one = await acceptOne(tx, style, wanted);
  await tx.query('update saga_state set next_run_at = now() where saga_id = $1', [one.saga.sagaId]);
  return one;
}

export interface SagaSeen {
  readonly status: string;
  readonly attempts: number;
  readonly attention: boolean;
  readonly last_error: string | null;
  /** Its order's status. */
  readonly order: string;
}

/** Looks until it is as wished. */
export async function untilSaga(tx: Tx, { sagaId }: Saga, wished: (saga: SagaSeen) => boolean): Promise<SagaSeen> {
  for (;;) {
    const [seen] = await tx.query<SagaSeen>(
      `select s.status, s.attempts, s.attention_at is not null as attention, s.last_error, o.status as "order"
       from saga_state s join orders o on o.id = s.order_id where saga_id = $1`,
      [sagaId],
    );
    if (seen !== undefined && wished(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The user's money and the product's stock. */
export const leftOf = async (tx: Tx, { userId, productId }: OnePayment): Promise<readonly unknown[]> => [
  ...(await tx.query('select amount from balances where user_id = $1', [userId])),
  ...(await tx.query('select available, reserved from stocks where product_id = $1', [productId])),
];
