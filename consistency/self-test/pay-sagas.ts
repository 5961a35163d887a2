import { microTransactions } from '../../domain/cuts.ts';
import type { Tx } from '../../domain/ports.ts';
import type { Asked, Paid } from './pay-at-once.ts';

interface Facts {
  saga_id: number;
  order_id: number;
  user_id: number;
  coupon_id: number | null;
  due: number | null;
  discount: number | null;
  products: number[] | null;
  qtys: number[] | null;
  payment_id: number | null;
  outcome: string;
  code: string | null;
}

const unknown = { due: null, discount: null, products: null, qtys: null, payment_id: null, outcome: '', code: null };

const paid = (orderId: number, paymentId: number | null): Paid => ({
  orderId,
  outcome: 'paid',
  ...(paymentId !== null && { paymentId }),
});

const list = (values: number[] | null): string => (values === null ? '' : `\\"{${values.join(',')}}\\"`);
const literal = (facts: readonly Facts[]): string =>
  `{${facts
    .map(
      (f) =>
        `"(${f.saga_id},1,${f.order_id},${f.user_id},${f.coupon_id ?? ''},${f.due ?? ''},${f.discount ?? ''},${list(f.products)},${list(f.qtys)},,)"`,
    )
    .join(',')}}`;

/** One batch through all four boundaries; the refused are undone from the last boundary to the first. */
export async function paySagas(
  tx: Tx,
  asked: readonly Asked[],
  engine: 'orchestration' | 'choreography',
): Promise<Paid[]> {
  const { going, refused } = await forward(tx, await accept(tx, asked, engine), engine);
  if (refused.length > 0) await back(tx, refused);
  return [
    ...going.map(({ order_id, payment_id }): Paid => paid(order_id, payment_id)),
    ...refused.map(({ order_id, code }): Paid => ({
      orderId: order_id,
      outcome: 'refused',
      ...(code !== null && { code }),
    })),
  ];
}

async function accept(tx: Tx, asked: readonly Asked[], engine: string): Promise<Facts[]> {
  const column = <T>(of: (one: Asked) => T): T[] => asked.map(of);
  const accepted = await tx.query<{ order_id: number; saga_id: number }>(
    `select * from accept_sagas($1, $2, $3, $4, $5, $6, $7, $8, '30 s')`,
    [
      engine,
      column((one) => one.orderId),
      column((one) => one.userId),
      column((one) => one.couponId),
      column(() => 'saga'),
      column(() => 'pinned'),
      column((one) => one.userId % 100),
      column(() => 1),
    ],
  );
  const sagaOf = new Map(accepted.map(({ order_id, saga_id }) => [order_id, saga_id]));
  return asked.flatMap(({ orderId, userId, couponId }) => {
    const sagaId = sagaOf.get(orderId);
    if (sagaId === undefined) return [];
    return [{ ...unknown, saga_id: sagaId, order_id: orderId, user_id: userId, coupon_id: couponId }];
  });
}

async function forward(
  tx: Tx,
  accepted: readonly Facts[],
  engine: string,
): Promise<{ readonly going: readonly Facts[]; readonly refused: readonly Facts[] }> {
  const orderOf = new Map(accepted.map(({ order_id, saga_id }) => [saga_id, order_id]));
  let going = accepted;
  const refused: Facts[] = [];
  for (const { name, no, steps, last, events } of microTransactions) {
    if (going.length === 0) break;
    const ran = await tx.query<Facts>('select * from run_boundary($1, $2, $3, $4, $5, $6, null, true, 0, $7)', [
      name,
      no,
      steps.map((step) => step.name),
      last,
      [events.passed, events.refused],
      engine,
      literal(going),
    ]);
    const after = ran.map((facts) => ({ ...facts, order_id: orderOf.get(facts.saga_id) ?? 0 }));
    going = after.filter(({ outcome }) => outcome === 'ok');
    refused.push(...after.filter(({ outcome }) => outcome === 'refused'));
  }
  return { going, refused };
}

async function back(tx: Tx, refused: readonly Facts[]): Promise<void> {
  for (const { name, no, steps, events } of [...microTransactions].reverse()) {
    const named = steps.map((step) => step.name);
    await tx.query('select * from undo_boundary($1, $2, $3, $4, null, $5)', [
      name,
      no,
      named,
      events.undone,
      literal(refused),
    ]);
  }
}
