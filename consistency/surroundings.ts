import type { Tx } from '../domain/ports.ts';
import { clockToleranceSeconds, countOrders, type EngineOrders } from './order-counts.ts';
import { everything, type Scope } from './scope.ts';
import { clockOff } from './unfit.ts';

export interface OpenSagas {
  readonly sagas: number;
  readonly attention: number;
  readonly oldestSeconds: number;
}

/** What a pass finds before it asks anything: what there is to examine, and why it may prove less than it says. */
export interface Surroundings {
  readonly orders: readonly EngineOrders[];
  readonly doubts: readonly string[];
  readonly open: OpenSagas;
}

export async function lookAround(tx: Tx, scope: Scope = everything): Promise<Surroundings> {
  const orders = await countOrders(tx, scope);
  const [open] = await tx.query<OpenSagas>(
    `select count(*) as sagas, count(attention_at) as attention, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as "oldestSeconds"
     from saga_state where status in ('RUNNING', 'COMPENSATING')`,
  );
  const clock = await clockOff(tx);
  const doubts = [
    ...(clock === undefined ? [] : [clock]),
    ...orders.filter(({ fromTheFuture }) => fromTheFuture > 0).map(fromTheFutureOf),
    ...orders.filter(({ isKnown }) => !isKnown).map(unknownEngine),
  ];
  return { orders, doubts, open: open ?? { sagas: 0, attention: 0, oldestSeconds: 0 } };
}

const fromTheFutureOf = ({ engine, fromTheFuture }: EngineOrders): string =>
  `${fromTheFuture} orders of ${engine} were placed more than ${clockToleranceSeconds} s from now by the database's clock: it was set back, or was ahead when they were written`;
const unknownEngine = ({ engine, count }: EngineOrders): string =>
  `${count['worked on']} orders name the engine '${engine}', which the engine table does not have: which invariants bind them nobody can say. Add it to domain/engines.ts, or find out who wrote them`;
