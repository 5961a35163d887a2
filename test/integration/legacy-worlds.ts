import fc from 'fast-check';
import type { Tx } from '../../domain/ports.ts';
import { shop } from '../support/services.ts';

/** A small shop with a row of payments to come. People and goods are named by their position. */
export interface World {
  readonly users: readonly { readonly balance: number; readonly blocked: boolean }[];
  readonly prices: readonly number[];
  readonly coupons: readonly { readonly owner: number; readonly discount: number; readonly used: boolean }[];
  readonly orders: readonly {
    readonly owner: number;
    readonly lines: readonly { readonly product: number; readonly qty: number }[];
    readonly lapsed: boolean;
    readonly tampered: boolean;
    readonly coupon: number | null;
  }[];
}

const position = (max: number) => fc.nat({ max });

export const worlds: fc.Arbitrary<World> = fc.record({
  users: fc.array(fc.record({ balance: fc.integer({ min: 0, max: 60 }), blocked: rarely() }), {
    minLength: 2,
    maxLength: 3,
  }),
  prices: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 2, maxLength: 3 }),
  coupons: fc.array(fc.record({ owner: position(2), discount: fc.integer({ min: 1, max: 40 }), used: rarely() }), {
    maxLength: 3,
  }),
  orders: fc.array(
    fc.record({
      owner: position(2),
      lines: fc.uniqueArray(fc.record({ product: position(2), qty: fc.integer({ min: 1, max: 3 }) }), {
        selector: ({ product }) => product,
        minLength: 0,
        maxLength: 3,
      }),
      lapsed: rarely(),
      tampered: rarely(),
      coupon: fc.option(position(2)),
    }),
    { minLength: 2, maxLength: 6 },
  ),
});

function rarely(): fc.Arbitrary<boolean> {
  return fc.integer({ min: 0, max: 5 }).map((n) => n === 0);
}

/** One copy of a world, and the payments to be made in it, in order. */
export interface Copy {
  readonly payments: readonly { readonly orderId: number; readonly userId: number; readonly couponId: number | null }[];
  /** What is in the database now, ids replaced by positions, so that copies can be compared. */
  rows(): Promise<unknown>;
}

export async function copyOf(world: World, tx: Tx): Promise<Copy> {
  const to = shop(tx);
  const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;
  const [users, products, coupons, orders]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (const user of world.users) users.push(await to.user(user));
  for (const price of world.prices) products.push(await to.product({ price, stock: 100 }));
  for (const { owner, discount, used } of world.coupons) {
    coupons.push(await to.coupon({ userId: pick(users, owner), discount, used }));
  }
  const payments: Copy['payments'][number][] = [];
  for (const { owner, lines, lapsed, tampered, coupon } of world.orders) {
    const userId = pick(users, owner);
    const distinct = new Map(lines.map(({ product, qty }) => [pick(products, product), qty]));
    const { id } = await to.order({
      userId,
      lines: [...distinct].map(([productId, qty]) => ({ productId, qty })),
      lapsed,
      ...(tampered ? { total: 13 } : {}),
    });
    orders.push(id);
    const couponId = coupon === null || coupons.length === 0 ? null : pick(coupons, coupon);
    payments.push({ orderId: id, userId, couponId });
  }
  return { payments, rows: () => rowsOf(tx, { users, products, coupons, orders }) };
}

type Ids = Readonly<Record<'users' | 'products' | 'coupons' | 'orders', readonly number[]>>;

/** The ledgers of a refused order may differ in how they come to nothing: only their sum is compared. */
const queries: Readonly<Record<string, string>> = {
  orders: `select array_position($4, id) as id, array_position($1, user_id) as user, status, total_amount, discount_amount, final_amount,
      array_position($3, user_coupon_id) as coupon, refusal_code, engine is not null as worked
    from orders where id = any($4) order by id`,
  payments: `select array_position($4, order_id) as order, array_position($1, user_id) as user, amount, status
    from payments where order_id = any($4) order by order_id`,
  balances: `select array_position($1, user_id) as user, amount from balances where user_id = any($1) order by user_id`,
  stocks: `select array_position($2, product_id) as product, available, reserved from stocks where product_id = any($2) order by product_id`,
  coupons: `select array_position($3, id) as id, status, array_position($4, used_order_id) as order
    from user_coupons where id = any($3) order by id`,
  routes: `select array_position($4, order_id) as order, array_position($1, user_id) as user, array_position($3, user_coupon_id) as coupon
    from payment_route where order_id = any($4) order by order_id`,
  debits: `select array_position($4, l.order_id) as order, l.kind, l.amount, l.balance_after from balance_ledger l
    join orders o on o.id = l.order_id and o.status = 'PAID' where o.id = any($4) order by l.order_id, l.id`,
  movements: `select array_position($4, l.order_id) as order, array_position($2, l.product_id) as product, l.kind, l.qty from stock_ledger l
    join orders o on o.id = l.order_id and o.status = 'PAID' where o.id = any($4) order by l.order_id, l.product_id, l.id`,
  moneyOfRefused: `select array_position($4, o.id) as order, coalesce(sum(l.amount), 0) as kept from orders o
    left join balance_ledger l on l.order_id = o.id where o.id = any($4) and o.status not in ('PAID', 'PENDING') group by o.id order by o.id`,
  stockOfRefused: `select array_position($4, o.id) as order, array_position($2, l.product_id) as product,
      sum(case kind when 'RESERVE' then qty when 'UNCONFIRM' then qty else -qty end) as kept from orders o
    join stock_ledger l on l.order_id = o.id where o.id = any($4) and o.status not in ('PAID', 'PENDING')
    group by o.id, l.product_id order by o.id, l.product_id`,
  deliveries: `select array_position($4, order_id) as order, event_type, event_data->'amount' as amount
    from external_event_log where order_id = any($4) order by order_id`,
};

async function rowsOf(tx: Tx, { users, products, coupons, orders }: Ids): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {};
  for (const [name, text] of Object.entries(queries)) {
    // Every query is given all four, used or not: Postgres wants to know their types.
    const typed = `with ids as (select $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) ${text}`;
    rows[name] = await tx.query(typed, [users, products, coupons, orders]);
  }
  return rows;
}
