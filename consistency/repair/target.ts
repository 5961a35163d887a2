import type { Tx } from '../../domain/ports.ts';
import type { SubjectKey } from '../catalogue/invariant.ts';

/** What a repair is done to. */
export interface Target {
  readonly kind: 'order' | 'user' | 'product' | 'user coupon';
  readonly id: number;
}

/** Everything that a repair may touch: what is locked, asked before and after, and kept as before and after. */
export type Keys = Readonly<Partial<Record<SubjectKey, readonly number[]>>>;

/** $1 is the target's id; one column per kind of key. */
const keysSql: Readonly<Record<Target['kind'], string>> = {
  user: `select array[$1::bigint] as "user"`,
  product: `select array[$1::bigint] as product`,
  'user coupon': `select array[$1::bigint] as "user coupon",
    array(select id from orders where user_coupon_id = $1 union select used_order_id from user_coupons where id = $1 and used_order_id is not null) as "order"`,
  order: `select array[$1::bigint] as "order",
    array(select saga_id from saga_state where order_id = $1) as saga,
    array(select user_coupon_id from orders where id = $1 and user_coupon_id is not null) as "user coupon",
    array(select user_id from orders where id = $1 union select user_id from balance_ledger where order_id = $1) as "user",
    array(select product_id from order_items where order_id = $1 union select product_id from stock_ledger where order_id = $1) as product`,
};

export async function keysOf(tx: Tx, { kind, id }: Target): Promise<Keys> {
  const [keys] = await tx.query<Keys>(keysSql[kind], [id]);
  return keys ?? {};
}

/** In the order in which every engine locks: saga, order, coupon, balance, stock, each by id. */
const lockedTables: readonly (readonly [SubjectKey, string, string])[] = [
  ['saga', 'saga_state', 'saga_id'],
  ['order', 'orders', 'id'],
  ['user coupon', 'user_coupons', 'id'],
  ['user', 'balances', 'user_id'],
  ['product', 'stocks', 'product_id'],
];

/** A lock of two numbers: it never meets those of an order id or of a service, which are of one. */
const repairLock = 7_207;

/** Nobody else changes these rows until the transaction ends; of two repairs of one target, also of a row that is missing, one waits. */
export async function lockAll(tx: Tx, target: Target, keys: Keys): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1, hashtext($2))', [repairLock, `${target.kind} ${target.id}`]);
  for (const [key, table, column] of lockedTables) {
    const ids = keys[key] ?? [];
    if (ids.length === 0) continue;
    await tx.query(`select from ${table} where ${column} = any($1) order by ${column} for update`, [ids]);
  }
}

export type State = Readonly<Record<string, unknown>>;

/** The locked rows, and how many rows hang on the orders that are only ever added. */
export async function stateOf(tx: Tx, keys: Keys): Promise<State> {
  const state: Record<string, unknown> = {};
  for (const [key, table, column] of lockedTables) {
    const rows = await tx.query<{ id: number; row: unknown }>(
      `select ${column} as id, to_jsonb(t) as row from ${table} t where ${column} = any($1) order by ${column}`,
      [keys[key] ?? []],
    );
    for (const { id, row } of rows) state[`${table} ${id}`] = row;
  }
  const [added] = await tx.query<{ deliveries: number; entries: number; movements: number }>(
    `select (select count(*) from external_event_log where order_id = any($1)) as deliveries,
       (select count(*) from balance_ledger where order_id = any($1)) as entries,
       (select count(*) from stock_ledger where order_id = any($1)) as movements`,
    [keys.order ?? []],
  );
  return { ...state, ...added };
}

/** What differs, both ways: the rest would only hide it. */
export function changed(before: State, after: State): { readonly before: State; readonly after: State } {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const moved = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const only = (state: State): State => Object.fromEntries(moved.map((name) => [name, state[name] ?? null]));
  return { before: only(before), after: only(after) };
}
