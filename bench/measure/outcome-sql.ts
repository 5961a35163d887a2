import type { Tx } from '../../domain/ports.ts';
import type { Pool } from '../../runtime/database.ts';

export interface OrderRow {
  readonly id: number;
  readonly status: string;
  readonly engine: string | null;
  readonly refusalCode: string | null;
}

/** What became of the orders of a round, those that nobody touched left out. */
export const settledOrders = (tx: Tx, from: number, to: number): Promise<OrderRow[]> =>
  tx.query<OrderRow>(
    `select id, status, engine, refusal_code as "refusalCode" from orders where id between $1 and $2 and status <> 'PENDING' order by id`,
    [from, to],
  );

export interface Backlog {
  readonly openSagas: number;
  readonly undelivered: number;
}

/** What has been accepted and is not finished: sagas that are not final, deliveries that are not made. */
export async function backlog(tx: Tx): Promise<Backlog> {
  const [row] = await tx.query<Backlog>(
    `select (select count(*) from saga_state where status in ('RUNNING', 'COMPENSATING')) as "openSagas",
      (select count(*) from external_event_log where status in ('PENDING', 'FAILED')) as undelivered`,
  );
  return row ?? { openSagas: 0, undelivered: 0 };
}

export interface SemanticHold {
  readonly engine: string;
  readonly acceptedToFinal: number | null;
  readonly debitToFinal: number | null;
}

/**
 * How long money and stock were spoken for, in ms on average: a saga lets go of its row locks early but keeps the
 * reservation until it is final. Between starts of transactions, so a payment in one transaction has none.
 * Hashed: these tables were empty when they were analysed, and a nested loop planned for that took 20 s.
 */
export const semanticHolds = (pool: Pool, from: number, to: number): Promise<SemanticHold[]> =>
  pool.transaction(
    async (tx) => {
      await tx.query('set local enable_nestloop = off; set local enable_mergejoin = off; set local jit = off');
      return tx.query<SemanticHold>(semanticHoldsSql, [from, to]);
    },
    { readOnly: true },
  );

const semanticHoldsSql = `
  select o.engine,
    avg(extract(epoch from coalesce(s.updated_at, p.created_at) - r.decided_at) * 1000)::float8 as "acceptedToFinal",
    avg(extract(epoch from coalesce(p.created_at, b.created_at) - d.created_at) * 1000)::float8 as "debitToFinal"
  from orders o
  join payment_route r on r.order_id = o.id
  left join saga_state s on s.order_id = o.id
  left join payments p on p.order_id = o.id
  left join balance_ledger d on d.order_id = o.id and d.kind = 'DEBIT'
  left join balance_ledger b on b.order_id = o.id and b.kind = 'REFUND'
  where o.id between $1 and $2 and o.engine is not null
  group by o.engine order by o.engine`;
