import type { Answer, PaymentEngine } from '../../domain/payment-engine.ts';
import type { Tx } from '../../domain/ports.ts';
import type { PayableOrder } from './many-orders.ts';

export interface SagaLoad {
  readonly settled: () => number;
  /** The answers of all, when the last is final. */
  readonly ends: Promise<readonly Answer[]>;
}

/** Submits payments of these orders, one after the other, as a router does; `after` is called once so many are settled. */
export async function payAll(
  engine: PaymentEngine,
  orders: readonly PayableOrder[],
  after?: { readonly settled: number; readonly call: () => Promise<void> },
): Promise<SagaLoad> {
  const answers: Promise<Answer>[] = [];
  let settled = 0;
  let called = after === undefined;
  for (const { id, userId } of orders) {
    const route = { side: 'saga', reason: 'pinned', bucket: userId % 100, version: 1 } as const;
    const command = { orderId: id, userId, couponId: null, route };
    const { settled: end } = await engine.submit(command, new AbortController().signal);
    answers.push(end.finally(() => settled++));
    if (!called && after !== undefined && settled >= after.settled) {
      called = true;
      await after.call();
    }
  }
  if (!called) throw new Error(`only ${settled} were settled when the last was submitted`);
  return { settled: () => settled, ends: Promise.all(answers) };
}

export async function openSagas(db: Tx): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    "select count(*) as n from saga_state where status in ('RUNNING', 'COMPENSATING')",
  );
  return row?.n ?? 0;
}
