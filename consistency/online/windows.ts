import type { Subject } from '../catalogue/invariant.ts';
import { among, everything, type Scope } from '../scope.ts';
import type { CarriedSums } from './carried-sums.ts';
import type { Floor, Mark } from './mark.ts';
import type { Pairs } from './pairs.ts';

/**
 * What a subject's SQL reads in place of a table, by a CTE of that table's name: the catalogue's own SQL folds the sums of the
 * last cycle and what is new, and there is no second copy of a rule. `$1` is the keys.
 */
interface Window {
  readonly sql: string;
  readonly values: readonly unknown[];
}

export interface WindowOf {
  readonly floor: Floor;
  /** Of the last cycle. */
  readonly since: Mark;
  readonly sums: CarriedSums;
  readonly users: readonly number[];
  readonly products: readonly number[];
  readonly orders: readonly number[];
  readonly couponOrders: readonly number[];
}

/** Parameters n, n + 1 and n + 2: the floor's id, the last cycle's xmin and snapshot. */
const rowsSince = (table: string, n: number): string =>
  `from ${table} where id > $${n}::bigint and xid >= $${n + 1}::xid8 and not pg_visible_in_snapshot(xid, $${n + 2}::pg_snapshot)
    and xid <= coalesce(pg_current_xact_id_if_assigned(), pg_snapshot_xmax(pg_current_snapshot()))`;
const sinceValues = ({ floor, since }: WindowOf, table: 'balance_ledger' | 'stock_ledger'): unknown[] => [
  floor.ids[table],
  String(since.xmin),
  since.snapshot,
];

/** The last entry before stands for all before it. Its id is that of nobody, and comes before those of entries. */
const balanceLedger = (at: WindowOf): Window => ({
  sql: `balance_ledger (id, user_id, order_id, kind, amount, balance_after, version) as (
      select -u.user_id, u.user_id, null::bigint, 'TOPUP', u.amount, u.amount, u.version from unnest($2::bigint[], $3::bigint[], $4::bigint[]) u (user_id, amount, version)
      union all
      select id, user_id, order_id, kind, amount, balance_after, version ${rowsSince('balance_ledger', 5)})`,
  values: [...columnsOf(at.sums.balances, at.users), ...sinceValues(at, 'balance_ledger')],
});

/** Restocked is what is there, reserved what is: two movements have the same sums as all before. */
const stockLedger = (at: WindowOf): Window => ({
  sql: `stock_ledger (product_id, order_id, kind, qty) as (
      select p.product_id, m.order_id, m.kind, m.qty from unnest($2::bigint[], $3::bigint[], $4::bigint[]) p (product_id, available, reserved)
      cross join lateral (values (null::bigint, 'RESTOCK', p.available + p.reserved), (0, 'RESERVE', p.reserved)) m (order_id, kind, qty)
      union all
      select product_id, order_id, kind, qty ${rowsSince('stock_ledger', 5)})`,
  values: [...columnsOf(at.sums.stocks, at.products), ...sinceValues(at, 'stock_ledger')],
});

const loadedLedger = (at: WindowOf): Window => ({
  sql: `balance_ledger (id, kind, amount) as (
      values (0::bigint, 'OPENING', $1::bigint), (0, 'TOPUP', $2::bigint)
      union all
      select id, kind, amount ${rowsSince('balance_ledger', 3)})`,
  values: [at.sums.loaded.opening, at.sums.loaded.topUps, ...sinceValues(at, 'balance_ledger')],
});

/** The log has no index on its orders; a payment's deliveries are written with it, and so are new. */
const newDeliveries = ({ floor }: WindowOf): Window => ({
  sql: 'external_event_log as (select * from external_event_log where event_id > $2::bigint)',
  values: [floor.recent.lastIds.external_event_log],
});

const newPayments = (at: WindowOf): Window => ({
  sql: `${newDeliveries(at).sql},
    payments as (select * from payments where id > $3::bigint and xid >= $4::xid8)`,
  values: [...newDeliveries(at).values, at.floor.recent.lastIds.payments, String(at.floor.recent.xmax)],
});

/** Orders have no index on their coupon: who used it is looked for among those in hand and the one that the coupon names. */
const couponUsers = ({ orders, couponOrders }: WindowOf): Window => ({
  sql: 'orders as (select * from orders where id = any($2::bigint[]))',
  values: [[...new Set([...orders, ...couponOrders])]],
});

const windows: Readonly<Record<string, (at: WindowOf) => Window>> = {
  balance: balanceLedger,
  'balance ledger entry': balanceLedger,
  stock: stockLedger,
  'loaded money': loadedLedger,
  order: newDeliveries,
  delivery: newDeliveries,
  'routed payment': newPayments,
  'user coupon': couponUsers,
};

export interface View {
  readonly subject: Subject;
  readonly scope: Scope;
}

/** All rows of the keys, as the catalogue reads them. */
export const allRows = (subject: Subject, keys: readonly number[]): View => ({
  subject,
  scope: subject.key === 'whole' ? everything : among(keys),
});

/** The subject as it is seen through its window; all rows where it has none, since it reads no more than its keys anyway. */
export function throughWindow(subject: Subject, keys: readonly number[], at: WindowOf): View {
  const all = allRows(subject, keys);
  const window = windows[subject.name]?.(at);
  if (window === undefined) return all;
  return {
    subject: { ...subject, sql: (within) => `with ${window.sql} ${subject.sql(within)}` },
    scope: { ...all.scope, values: [...all.scope.values, ...window.values] },
  };
}

function columnsOf(pairs: Pairs, ids: readonly number[]): [number[], number[], number[]] {
  const columns: [number[], number[], number[]] = [[], [], []];
  for (const id of ids) {
    const pair = pairs.get(id);
    if (pair === undefined) continue;
    columns[0].push(id);
    columns[1].push(pair[0]);
    columns[2].push(pair[1]);
  }
  return columns;
}
