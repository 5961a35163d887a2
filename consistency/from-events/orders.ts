import type { Tx } from '../../domain/ports.ts';
import { evolveOrder, type FoldedOrder, OutOfPlace } from '../../domain/order/order-fold.ts';
import { engineNames } from '../catalogue/engine-names.ts';
import { foldedBy, pagesOf } from './cursor.ts';
import type { Tally } from './tally.ts';

interface EventRow {
  readonly stream: string;
  readonly number: number;
  readonly type: string;
  readonly data: unknown;
  readonly at: Date;
}

/** By the primary key, which is in the order of the streams. */
const eventsSql = `
  select aggregate_id as stream, sequence_number as number, event_type as type, event_data as data, occurred_at as at
  from event_store where aggregate_id like 'order-%' order by aggregate_id, sequence_number`;

interface Rebuilt {
  readonly stream: string;
  /** NaN when the stream names no order. */
  readonly orderId: number;
  readonly events: number;
  /** Undefined before the first event; null when the events do not follow each other. */
  readonly order: FoldedOrder | undefined | null;
  readonly paidAt: Date | undefined;
}

const batchSize = 2_000;

/** Folds the events of every order and compares order and payment with their rows; then looks for rows that no event accounts for. */
export async function compareOrders(tx: Tx, tally: Tally, signal: AbortSignal | undefined): Promise<void> {
  let batch: Rebuilt[] = [];
  for await (const rebuilt of foldedBy(pagesOf<EventRow>(tx, eventsSql, signal), ({ stream }) => stream, begin, step)) {
    batch.push(rebuilt);
    if (batch.length < batchSize) continue;
    await compareBatch(tx, tally, batch);
    batch = [];
  }
  if (batch.length > 0) await compareBatch(tx, tally, batch);
  await findUnaccounted(tx, tally);
}

function begin({ stream }: EventRow): Rebuilt {
  const [, digits] = /^order-([1-9]\d{0,15})$/.exec(stream) ?? [];
  return { stream, orderId: Number(digits), events: 0, order: undefined, paidAt: undefined };
}

function step(rebuilt: Rebuilt, { number, type, data, at }: EventRow): Rebuilt {
  const events = rebuilt.events + 1;
  const whole = number === events; // or one is missing, whatever the others say
  const order = whole && rebuilt.order !== null ? evolved(rebuilt.order, type, data) : null;
  return { ...rebuilt, events, order, paidAt: type === 'payment.completed' ? at : rebuilt.paidAt };
}

function evolved(order: FoldedOrder | undefined, type: string, data: unknown): FoldedOrder | null {
  try {
    return evolveOrder(order, type, data);
  } catch (error) {
    if (error instanceof OutOfPlace || error instanceof TypeError) return null; // TypeError: a payload of another shape
    throw error;
  }
}

interface OrderRow {
  readonly id: number;
  readonly status: string | null;
  readonly refusal_code: string | null;
  readonly user_id: number | null;
  readonly user_coupon_id: number | null;
  readonly total_amount: number | null;
  readonly discount_amount: number | null;
  readonly final_amount: number | null;
  /** Ended by a person: what became of its order is not in the events. */
  readonly given_up: boolean;
  readonly event_count: number | null;
  readonly payment_id: number | null;
  readonly payer: number | null;
  readonly paid: number | null;
  readonly payment_status: string | null;
  readonly paid_at: Date | null;
}

const rowsSql = `
  select q.id, o.status, o.refusal_code, o.user_id, o.user_coupon_id, o.total_amount, o.discount_amount, o.final_amount,
    coalesce(s.status = 'FAILED', false) as given_up, s.event_count,
    p.id as payment_id, p.user_id as payer, p.amount as paid, p.status as payment_status, p.created_at as paid_at
  from unnest($1::bigint[]) q (id)
  left join lateral (select * from orders x where x.id = q.id limit 1) o on true
  left join lateral (select * from saga_state x where x.order_id = q.id limit 1) s on true
  left join lateral (select * from payments x where x.order_id = q.id order by x.id limit 1) p on true`;

async function compareBatch(tx: Tx, tally: Tally, batch: readonly Rebuilt[]): Promise<void> {
  const ids = batch.map(({ orderId }) => orderId).filter(Number.isSafeInteger);
  const rows = new Map((await tx.query<OrderRow>(rowsSql, [ids])).map((row) => [row.id, row]));
  for (const rebuilt of batch) compareOne(tally, rebuilt, rows.get(rebuilt.orderId));
}

function compareOne(tally: Tally, rebuilt: Rebuilt, row: OrderRow | undefined): void {
  const { stream, orderId, order } = rebuilt;
  tally.examined('F1');
  if (row === undefined || row.status === null || !order) {
    tally.differs('F1', `event stream ${stream}`, row?.id ?? null);
    return;
  }
  if (!row.given_up && !sameState(rebuilt, order, row)) tally.differs('F1', `order ${orderId}`, orderId);
  if ([order.userId, order.couponId, order.discount, order.due].some((said) => said !== undefined)) {
    tally.examined('F2');
    if (!sameAmounts(order, row)) tally.differs('F2', `order ${orderId}`, orderId);
  }
  if (order.payment === undefined && row.payment_id === null) return;
  tally.examined('F3');
  if (!samePayment(rebuilt, order, row)) tally.differs('F3', `payment of order ${orderId}`, orderId);
}

const sameState = ({ events }: Rebuilt, { status, refusalCode }: FoldedOrder, row: OrderRow): boolean =>
  status === row.status && refusalCode === row.refusal_code && events === (row.event_count ?? events);

/** What no event says is not compared. */
const said = <T>(value: T | undefined, stored: T | null): boolean => value === undefined || value === stored;

const sameAmounts = ({ userId, couponId, discount, due }: FoldedOrder, row: OrderRow): boolean =>
  said(userId, row.user_id) &&
  said(couponId, row.user_coupon_id) &&
  said(discount, row.discount_amount) &&
  said(due, row.final_amount) &&
  said(due === undefined || discount === undefined ? undefined : due + discount, row.total_amount);

const samePayment = ({ paidAt }: Rebuilt, { payment, userId }: FoldedOrder, row: OrderRow): boolean =>
  payment !== undefined &&
  row.payment_id !== null &&
  said(payment.paymentId, row.payment_id) &&
  said(userId, row.payer) &&
  payment.amount === row.paid &&
  row.payment_status === 'COMPLETED' &&
  paidAt?.getTime() === row.paid_at?.getTime(); // one transaction, one time

const withoutEvents = `not exists (select from event_store e where e.aggregate_id = 'order-' || o.id)`;

/** Orders and payments of saga engines without any event. That an order has events and its payment none of them shows above. */
async function findUnaccounted(tx: Tx, tally: Tally): Promise<void> {
  const orders = await tx.query<{ id: number }>(
    `select o.id from orders o where o.engine in ${engineNames.sagas} and o.status <> 'PENDING' and ${withoutEvents} order by o.id limit ${unaccountedLimit}`,
  );
  const payments = await tx.query<{ id: number }>(
    `select o.id from (select order_id as id from payments where engine in ${engineNames.sagas}) o where ${withoutEvents} order by o.id limit ${unaccountedLimit}`,
  );
  for (const [code, rows, what] of [
    ['F1', orders, 'order'],
    ['F3', payments, 'payment of order'],
  ] as const) {
    tally.examined(code, rows.length);
    for (const { id } of rows) tally.differs(code, `${what} ${id}`, id);
  }
}

const unaccountedLimit = 100_000;
