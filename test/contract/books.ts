import type { Tx } from '../../domain/ports.ts';

/** What must be true of any database at rest, whatever engine worked on it. Each query returns the offenders. */
const invariants: Readonly<Record<string, string>> = {
  'a balance is the sum of its ledger': `select b.user_id as id from balances b
    where b.amount is distinct from (select sum(l.amount) from balance_ledger l where l.user_id = b.user_id)`,
  'versions of a balance are 1, 2, 3 ... and say what it was after each': `select user_id as id from (
      select user_id, version, row_number() over w as nth, balance_after, sum(amount) over w as running
      from balance_ledger window w as (partition by user_id order by version)) l
    where version <> nth or balance_after <> running`,
  'the version of a balance is its last entry': `select b.user_id as id from balances b
    where b.version is distinct from (select max(l.version) from balance_ledger l where l.user_id = b.user_id)`,
  'a stock is the fold of its ledger': `select s.product_id as id from stocks s cross join lateral (
      select coalesce(sum(case kind when 'RESTOCK' then qty when 'RESERVE' then -qty when 'RELEASE' then qty else 0 end), 0) as available,
        coalesce(sum(case kind when 'RESERVE' then qty when 'UNCONFIRM' then qty when 'RESTOCK' then 0 else -qty end), 0) as reserved
      from stock_ledger l where l.product_id = s.product_id) l
    where (s.available, s.reserved) is distinct from (l.available::bigint, l.reserved::bigint)`,
  'a paid order has one payment of its final amount, one debit of it, and all its stock confirmed': `select o.id from orders o
    where o.status = 'PAID' and (
      (select array_agg(p.amount) from payments p where p.order_id = o.id) is distinct from array[o.final_amount]
      or (select array_agg(-l.amount) from balance_ledger l where l.order_id = o.id) is distinct from array[o.final_amount]
      or exists (select from order_items i where i.order_id = o.id and i.qty is distinct from (
        select sum(case kind when 'CONFIRM' then qty when 'UNCONFIRM' then -qty else 0 end)
        from stock_ledger l where l.order_id = o.id and l.product_id = i.product_id)))`,
  'a refused order kept no money, no stock, no coupon and no payment': `select o.id from orders o
    where o.status not in ('PENDING', 'PAYING', 'PAID') and (
      exists (select from payments p where p.order_id = o.id)
      or coalesce((select sum(l.amount) from balance_ledger l where l.order_id = o.id), 0) <> 0
      or exists (select from user_coupons u where u.used_order_id = o.id)
      or exists (select l.product_id from stock_ledger l where l.order_id = o.id group by l.product_id
        having sum(case kind when 'RESERVE' then qty when 'UNCONFIRM' then qty else -qty end) <> 0
          or sum(case kind when 'CONFIRM' then qty when 'UNCONFIRM' then -qty else 0 end) <> 0))`,
  'a used coupon was applied to the paid order that it names': `select u.id from user_coupons u
    where u.status = 'USED' and u.used_order_id > 0 and not exists (
      select from orders o where o.id = u.used_order_id and o.user_coupon_id = u.id and o.status = 'PAID' and o.discount_amount > 0)`,
  'an order that was worked on has a route, and one that has a route is final': `select o.id from orders o
    left join payment_route r on r.order_id = o.id
    where (r.order_id is not null) is distinct from (o.status not in ('PENDING')) and o.engine is not null
      or o.status = 'PAYING'`,
};

/** Empty when the books are in order; else the broken rules with the ids of the offenders. */
export async function brokenRules(tx: Tx): Promise<Record<string, number[]>> {
  const broken: Record<string, number[]> = {};
  for (const [rule, text] of Object.entries(invariants)) {
    const offenders = await tx.query<{ id: number }>(`${text} limit 5`);
    if (offenders.length > 0) broken[rule] = offenders.map(({ id }) => id);
  }
  return broken;
}
