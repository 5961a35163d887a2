import type { Tx } from '../../../domain/ports.ts';
import type { World } from './world.ts';

/**
 * What must be true of a world when all its sagas have ended. Each query returns what is wrong among users $1, products $2 and
 * orders $3. Written apart from `consistency/` on purpose: the two can find each other's mistakes.
 */
const invariants: Readonly<Record<string, string>> = {
  'a balance is the sum of its ledger': `
    select b.user_id from balances b join balance_ledger l using (user_id) where b.user_id = any($1)
    group by b.user_id having b.amount is distinct from sum(l.amount) or b.version is distinct from count(*)`,
  'every ledger line carries the balance after it, and versions have no gap': `
    select id from (
      select id, version, balance_after, sum(amount) over w as fold, row_number() over w as nth
      from balance_ledger where user_id = any($1) window w as (partition by user_id order by version, id)) l
    where balance_after <> fold or version <> nth`,
  'a stock is the fold of its ledger': `
    select s.product_id from stocks s join stock_ledger l using (product_id) where s.product_id = any($2)
    group by s.product_id having
      s.reserved is distinct from sum(case l.kind when 'RESERVE' then l.qty when 'UNCONFIRM' then l.qty when 'RESTOCK' then 0 else -l.qty end)
      or s.available is distinct from sum(case l.kind when 'RESTOCK' then l.qty when 'RELEASE' then l.qty when 'RESERVE' then -l.qty else 0 end)`,
  'a debit and a confirmation have a net effect of 0 or 1': `
    select order_id from (
      select order_id, 0 as product_id, sum(case kind when 'DEBIT' then 1 else -1 end) as net
      from balance_ledger where order_id = any($3) group by 1
      union all
      select order_id, product_id, sum(case kind when 'CONFIRM' then 1 else -1 end)
      from stock_ledger where order_id = any($3) and kind in ('CONFIRM', 'UNCONFIRM') group by 1, 2) n
    where net not in (0, 1)`,
  'PAID <=> one payment <=> debited <=> confirmed <=> delivered once; else nothing, and no stock is held': `
    select o.id, o.status from orders o cross join lateral (select
      (select count(*) from payments p where p.order_id = o.id and p.amount = o.final_amount) as payments,
      (select coalesce(-sum(amount), 0) from balance_ledger l where l.order_id = o.id) as debited,
      (select count(*) from external_event_log e where e.order_id = o.id) as delivered,
      (select coalesce(sum(case kind when 'CONFIRM' then qty when 'UNCONFIRM' then -qty end), 0) from stock_ledger l where l.order_id = o.id) as confirmed,
      (select coalesce(sum(case when kind in ('RESERVE', 'UNCONFIRM') then qty else -qty end), 0) from stock_ledger l where l.order_id = o.id) as held,
      (select sum(qty) from order_items i where i.order_id = o.id) as ordered) x
    where o.id = any($3) and case o.status
      when 'PAID' then payments <> 1 or debited <> o.final_amount or delivered <> 1 or confirmed <> ordered or held <> 0
        or o.final_amount <> o.total_amount - o.discount_amount
      when 'PENDING' then true when 'PAYING' then true
      else payments <> 0 or debited <> 0 or delivered <> 0 or confirmed <> 0 or held <> 0 or o.refusal_code is null end`,
  'a coupon is used by the paid order it names, and by no other': `
    select u.id from user_coupons u where u.user_id = any($1) and (u.status = 'USED') is distinct from exists (
      select from orders o where o.id = u.used_order_id and o.status = 'PAID' and o.user_coupon_id = u.id)
    union all
    select min(id) from orders where id = any($3) and status = 'PAID' and user_coupon_id is not null group by user_coupon_id having count(*) > 1`,
  'every saga has ended as its order has, and its events are 1 to n, none twice': `
    select s.saga_id, s.status, s.event_count from saga_state s join orders o on o.id = s.order_id
    left join event_store e on e.aggregate_id = 'order-' || s.order_id where s.order_id = any($3)
    group by s.saga_id, o.status having s.status not in ('COMPLETED', 'COMPENSATED') or (s.status = 'COMPLETED') <> (o.status = 'PAID')
      or s.event_count <> count(*) or s.event_count <> max(e.sequence_number) or count(distinct e.event_type) <> count(*)`,
  'what was done was undone, or nothing was': `
    select s.saga_id from saga_state s join saga_step_execution e using (saga_id) where s.order_id = any($3)
    group by s.saga_id having count(*) filter (where e.op = 'COMPENSATE' and e.status = 'COMPENSATED') <>
      case s.status when 'COMPLETED' then 0 else count(*) filter (where e.op = 'EXECUTE' and e.status = 'SUCCESS') end`,
};

/** The broken ones, each with an example. */
export async function violations(db: Tx, { users, products, orders }: World): Promise<string[]> {
  const broken: string[] = [];
  for (const [name, sql] of Object.entries(invariants)) {
    // Each query names the lists it asks about by number; the others are named so that Postgres knows their type.
    const rows = await db.query(
      `with asked as (select $1::bigint[], $2::bigint[], $3::bigint[]) ${sql.replaceAll(/\$\d/g, '$&::bigint[]')}`,
      [users, products, orders],
    );
    if (rows.length > 0) broken.push(`${name}: ${JSON.stringify(rows[0])}`);
  }
  return broken;
}
