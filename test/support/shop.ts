import type { Tx } from '../../domain/ports.ts';

export interface OrderLine {
  readonly productId: number;
  readonly qty: number;
}

export interface Order {
  readonly id: number;
  readonly userId: number;
  readonly total: number;
}

/** Puts people, goods and orders into a database, each with its ledger rows, so that every invariant holds from the start. */
export interface Shop {
  user(options?: { balance?: number; tier?: 'NORMAL' | 'VIP'; blocked?: boolean }): Promise<number>;
  product(options?: { price?: number; stock?: number }): Promise<number>;
  /** A user_coupons id. */
  coupon(options: { userId: number; discount?: number; used?: boolean }): Promise<number>;
  /** Its stock is reserved, unless the reservation has `lapsed`. `total` other than the lines' makes it unsound. */
  order(options: { userId: number; lines: readonly OrderLine[]; lapsed?: boolean; total?: number }): Promise<Order>;
  /** An order of one item that can be paid, with everything it needs. */
  payable(options?: {
    balance?: number;
    price?: number;
    qty?: number;
    stock?: number;
  }): Promise<Order & { readonly productId: number }>;
}

export function shop(tx: Tx): Shop {
  const one = async (text: string, values: readonly unknown[]): Promise<number> => {
    const [row] = await tx.query<{ id: number }>(text, values);
    if (row === undefined) throw new Error(`nothing came back from ${text}`);
    return row.id;
  };

  const user: Shop['user'] = async ({ balance = 100_000, tier = 'NORMAL', blocked = false } = {}) =>
    one(
      `with payer as (insert into users (tier, payment_blocked) values ($1, $2) returning id),
       purse as (insert into balances (user_id, amount, version) select id, $3, 1 from payer),
       opening as (insert into balance_ledger (user_id, kind, amount, balance_after, version) select id, 'OPENING', $3, $3, 1 from payer)
       select id from payer`,
      [tier, blocked, balance],
    );

  const product: Shop['product'] = async ({ price = 1_000, stock = 1_000 } = {}) =>
    one(
      `with item as (insert into products (price) values ($1) returning id),
       shelf as (insert into stocks (product_id, available, reserved) select id, $2::bigint, 0 from item),
       restock as (insert into stock_ledger (product_id, kind, qty) select id, 'RESTOCK', $2::bigint from item where $2::bigint > 0)
       select id from item`,
      [price, stock],
    );

  const coupon: Shop['coupon'] = async ({ userId, discount = 100, used = false }) =>
    one(
      `with kind as (insert into coupons (discount, quota, issued) values ($1, 1, 1) returning id)
       insert into user_coupons (coupon_id, user_id, status) select id, $2, $3 from kind returning id`,
      [discount, userId, used ? 'USED' : 'ISSUED'],
    );

  const order: Shop['order'] = async ({ userId, lines, lapsed = false, total }) => {
    const [products, qtys] = [lines.map((line) => line.productId), lines.map((line) => line.qty)];
    const [row] = await tx.query<{ id: number; total_amount: number }>(
      `with asked as materialized (
         select p.id as product_id, l.qty, p.price from unnest($2::bigint[], $3::bigint[]) l (product_id, qty) join products p on p.id = l.product_id
       ), placed as (
         insert into orders (user_id, total_amount) values ($1, coalesce($4, (select sum(qty * price) from asked), 0)) returning id, total_amount
       ), items as (
         insert into order_items (order_id, product_id, qty, unit_price) select placed.id, product_id, qty, price from placed, asked
       ), reserved as (
         update stocks s set available = s.available - a.qty, reserved = s.reserved + a.qty from asked a where s.product_id = a.product_id and not $5
       ), moved as (
         insert into stock_ledger (product_id, order_id, kind, qty)
         select a.product_id, placed.id, k.kind, a.qty from placed, asked a,
           unnest(case when $5 then array['RESERVE', 'RELEASE'] else array['RESERVE'] end) with ordinality k (kind, n) order by k.n
       )
       select id, total_amount from placed`,
      [userId, products, qtys, total ?? null, lapsed],
    );
    if (row === undefined) throw new Error('no order came back');
    return { id: row.id, userId, total: row.total_amount };
  };

  const payable: Shop['payable'] = async ({ balance, price, qty = 1, stock } = {}) => {
    const userId = await user(balance === undefined ? {} : { balance });
    const productId = await product({
      ...(price === undefined ? {} : { price }),
      ...(stock === undefined ? {} : { stock }),
    });
    return { ...(await order({ userId, lines: [{ productId, qty }] })), productId };
  };

  return { user, product, coupon, order, payable };
}
