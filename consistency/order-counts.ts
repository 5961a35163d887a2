import type { Tx } from '../domain/ports.ts';
import { engineNames, history, refusedStatuses } from './catalogue/engine-names.ts';
import type { OrderKind } from './catalogue/invariant.ts';
import { everything, type Scope } from './scope.ts';

export interface EngineOrders {
  readonly engine: string;
  /** Whether the engine table has it: of any other nobody can say what binds it. */
  readonly isKnown: boolean;
  readonly count: Readonly<Record<OrderKind, number>>;
  /** Placed later than the database's clock says it is. */
  readonly fromTheFuture: number;
}

/** Two machines never agree to the second; a minute is a clock that is off. */
export const clockToleranceSeconds = 60;

const kinds: Readonly<Record<OrderKind, string>> = {
  'worked on': 'true',
  paid: `status = 'PAID'`,
  refused: `status in ${refusedStatuses}`,
  'with coupon': 'user_coupon_id is not null',
  'paid with coupon': `status = 'PAID' and user_coupon_id is not null`,
  'paid and routed': `status = 'PAID' and created_at > (select min(since) from delivery_route where event_type = 'payment.completed')`,
};

/** What there is to examine, by the engine that worked on it. */
export async function countOrders(tx: Tx, { within, values }: Scope = everything): Promise<EngineOrders[]> {
  const columns = Object.entries(kinds).map(([kind, which]) => `'${kind}', count(*) filter (where ${which})`);
  return tx.query<EngineOrders>(
    `select engine, engine in ${engineNames.known} as "isKnown", jsonb_build_object(${columns.join(', ')}) as count,
       count(*) filter (where created_at > now() + interval '${clockToleranceSeconds} s') as "fromTheFuture"
     from orders where engine is not null and ${within('id')} group by engine order by engine`,
    values,
  );
}

export type OrdersByEngine = Readonly<Record<string, number>>;

export const byEngine = (orders: readonly EngineOrders[]): OrdersByEngine =>
  Object.fromEntries(orders.map(({ engine, count }) => [engine, count['worked on']]));

/** Of which something can be proven. What was paid before the data was loaded is no engine's work. */
export const workedOn = (checked: OrdersByEngine): number =>
  Object.entries(checked).reduce((sum, [engine, count]) => sum + (engine === history ? 0 : count), 0);
