import type { Tx } from '../domain/ports.ts';

/** Who may buy what; ids of the data that is there. */
export interface DemoCustomers {
  readonly ordinary: readonly number[];
  /** Cannot afford anything. */
  readonly poor: readonly number[];
  /** May not pay. */
  readonly blocked: readonly number[];
  readonly products: readonly number[];
  /** A coupon that nobody has. */
  readonly strangeCoupon: number;
}

/** Enough for a demo; a given database may hold millions. */
const [userLimit, productLimit] = [5_000, 500];
/** Less than anything costs in generated data. */
const poorBelowWon = 1_000;

export async function readCustomers(tx: Tx): Promise<DemoCustomers> {
  const users = await tx.query<{ id: number; blocked: boolean; poor: boolean }>(
    `select u.id, u.payment_blocked as blocked, b.amount < $2 as poor
     from users u join balances b on b.user_id = u.id order by u.payment_blocked desc, (b.amount < $2) desc, u.id limit $1`,
    [userLimit, poorBelowWon],
  );
  const products = await tx.query<{ id: number }>('select id from products order by id limit $1', [productLimit]);
  const [coupon] = await tx.query<{ beyond: number }>(
    'select coalesce(max(id), 0) + 1000000000 as beyond from user_coupons',
  );
  const ids = (which: (user: (typeof users)[number]) => boolean): number[] => users.filter(which).map(({ id }) => id);
  return {
    ordinary: ids(({ blocked, poor }) => !blocked && !poor),
    poor: ids(({ blocked, poor }) => !blocked && poor),
    blocked: ids(({ blocked }) => blocked),
    products: products.map(({ id }) => id),
    strangeCoupon: coupon?.beyond ?? 1,
  };
}
