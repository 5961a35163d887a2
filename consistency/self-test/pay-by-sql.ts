import { microTransactions } from '../../domain/cuts.ts';
import type { Tx } from '../../domain/ports.ts';
import { sqlState } from '../../runtime/database.ts';

// Pays orders through the SQL functions alone, as the engines do: the rows are theirs, without their processes.

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

/** In one transaction, refusal included. The monolith calls the outside by itself: take the delivery away that was written for it. */
export async function payAtOnce(
  tx: Tx,
  { orderId, userId, couponId }: Asked,
  engine: 'legacy' | 'legacy-lean',
): Promise<Paid> {
  const request = [orderId, userId, couponId, 'legacy', 'pinned', userId % 100, 1, engine];
  try {
    const [row] = await tx.query<{ payment_id: number }>(
      'select * from pay_order($1, $2, $3, $4, $5, $6, $7, $8, array[0, 0, 0, 0, 0]::float8[])',
      request,
    );
    return { orderId, outcome: 'paid', paymentId: row!.payment_id };
  } catch (error) {
    if (sqlState(error) !== 'SR001') throw error;
    const code = (error as Error).message;
    await tx.query('select * from refuse_order($1, $2, $3, $4, $5, $6, $7, $8, $9)', [...request, code]);
    return { orderId, outcome: 'refused', code };
  }
}

export const payLean = (tx: Tx, asked: Asked): Promise<Paid> => payAtOnce(tx, asked, 'legacy-lean');

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
  plans: readonly Asked[],
  engine: 'orchestration' | 'choreography',
): Promise<Paid[]> {
  const column = <T>(of: (plan: Asked) => T): T[] => plans.map(of);
  const accepted = await tx.query<{ order_id: number; saga_id: number }>(
    `select * from accept_sagas($1, $2, $3, $4, $5, $6, $7, $8, '30 s')`,
    [
      engine,
      column((p) => p.orderId),
      column((p) => p.userId),
      column((p) => p.couponId),
      column(() => 'saga'),
      column(() => 'pinned'),
      column((p) => p.userId % 100),
      column(() => 1),
    ],
  );
  const byOrder = new Map(plans.map((plan) => [plan.orderId, plan]));
  let going: Facts[] = accepted.map(({ order_id, saga_id }) => {
    const plan = byOrder.get(order_id)!;
    const empty = { due: null, discount: null, products: null, qtys: null, payment_id: null, outcome: '', code: null };
    return { ...empty, saga_id, order_id, user_id: plan.userId, coupon_id: plan.couponId };
  });
  const refused: Facts[] = [];
  for (const boundary of microTransactions) {
    if (going.length === 0) break;
    const orders = new Map(going.map((facts) => [facts.saga_id, facts.order_id]));
    const ran = await tx.query<Facts>('select * from run_boundary($1, $2, $3, $4, $5, $6, null, true, 0, $7)', [
      boundary.name,
      boundary.no,
      boundary.steps.map((step) => step.name),
      boundary.last,
      [boundary.events.passed, boundary.events.refused],
      engine,
      literal(going),
    ]);
    const after = ran.map((facts) => ({ ...facts, order_id: orders.get(facts.saga_id)! }));
    going = after.filter(({ outcome }) => outcome === 'ok');
    refused.push(...after.filter(({ outcome }) => outcome === 'refused'));
  }
  for (const boundary of refused.length > 0 ? [...microTransactions].reverse() : []) {
    await tx.query('select * from undo_boundary($1, $2, $3, $4, null, $5)', [
      boundary.name,
      boundary.no,
      boundary.steps.map((step) => step.name),
      boundary.events.undone,
      literal(refused),
    ]);
  }
  return [
    ...going.map(({ order_id, payment_id }) => ({
      orderId: order_id,
      outcome: 'paid' as const,
      paymentId: payment_id!,
    })),
    ...refused.map(({ order_id, code }) => ({ orderId: order_id, outcome: 'refused' as const, code: code! })),
  ];
}
