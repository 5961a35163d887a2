import type { Tx } from '../../domain/ports.ts';
import type { Subject } from '../catalogue/invariant.ts';
import { violates } from '../check.ts';
import { oneRow } from '../one-row.ts';
import { everything } from '../scope.ts';
import { questions } from './subjects.ts';
import type { WindowOf } from './windows.ts';

/**
 * The rows of the orders in hand, each table read once by its index; the SQL of all subjects then reads these in the tables' place.
 * `$1` is the orders, `$2` the last delivery that cannot be of theirs: the log has no index on its orders.
 */
const cutTables: Readonly<Record<string, string>> = {
  orders: 'id = any($1::bigint[])',
  order_items: 'order_id = any($1::bigint[])',
  balance_ledger: 'order_id = any($1::bigint[])',
  stock_ledger: 'order_id = any($1::bigint[])',
  payments: 'order_id = any($1::bigint[])',
  payment_route: 'order_id = any($1::bigint[])',
  saga_state: 'order_id = any($1::bigint[])',
  saga_step_execution: 'saga_id = any(array(select saga_id from saga_state))',
  event_store: `aggregate_id = any(array(select 'order-' || id from unnest($1::bigint[]) id))`,
  external_event_log: 'event_id > $2::bigint and order_id = any($1::bigint[])',
  user_coupons: 'id = any(array(select user_coupon_id from orders))',
  coupons: 'id = any(array(select coupon_id from user_coupons))',
};
/** Read as they are: a row or a few. */
const smallTables = ['balance_correction', 'rollout', 'rollout_audit'];

/** Subjects of orders and their sagas that need no other rows than these. A payment that was routed has deliveries before `$2`, when it is older. */
export const glancedAt: readonly Subject[] = [...questions.keys()].filter(
  ({ name, key, tables }) =>
    (key === 'order' || key === 'saga') &&
    name !== 'routed payment' &&
    tables.every((table) => table in cutTables || smallTables.includes(table)),
);

const wrongIn = (subject: Subject): string => {
  const conditions = (questions.get(subject) ?? []).map(({ check }) => `(${violates(check)})`);
  return `(select bool_or(${conditions.join(' or ')}) from (${subject.sql(everything.within)}) subject)`;
};

const glanceSql = `with ${Object.entries(cutTables)
  .map(([table, rows]) => `${table} as materialized (select * from ${table} where ${rows})`)
  .join(', ')}
  select ${glancedAt.map((subject, i) => `${wrongIn(subject)} as s${i}`).join(', ')}`;

/**
 * Subjects of which some row of these orders is wrong, or seems to be: most cycles have none, and ask no further. One statement with
 * each table read once costs a third of one per subject.
 */
export async function suspects(tx: Tx, orders: readonly number[], { floor }: WindowOf): Promise<ReadonlySet<Subject>> {
  // Rows in hand have no index: joined by hash. What follows is by key again.
  await tx.query('set local enable_nestloop = off');
  const row = oneRow(
    await tx.query<Record<string, boolean | null>>(glanceSql, [orders, floor.recent.lastIds.external_event_log]),
  );
  await tx.query('set local enable_nestloop = on');
  return new Set(glancedAt.filter((_, i) => row[`s${i}`] === true));
}
