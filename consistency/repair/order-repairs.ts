import { refusedStatuses } from '../catalogue/engine-names.ts';
import type { Repair } from './repair.ts';

/** What a refused order still has: won that were debited and not given back, items that are confirmed or reserved. */
const left = `
  select o.id, o.user_id, o.final_amount, o.user_coupon_id,
    (select coalesce(-sum(l.amount), 0) from balance_ledger l where l.order_id = o.id and l.kind in ('DEBIT', 'REFUND')) as debited,
    (select coalesce(sum(case m.kind when 'CONFIRM' then m.qty when 'UNCONFIRM' then -m.qty else 0 end), 0) from stock_ledger m where m.order_id = o.id) as confirmed,
    (select coalesce(sum(case m.kind when 'RESERVE' then m.qty when 'RELEASE' then -m.qty else 0 end), 0) from stock_ledger m where m.order_id = o.id) as reserved,
    (select array_agg(i.product_id order by i.product_id) from order_items i where i.order_id = o.id) as products
  from orders o
  where o.id = $1 and o.status in ${refusedStatuses}
    and not exists (select from payments p where p.order_id = o.id)
    and not exists (select from saga_state s where s.order_id = o.id and s.status in ('RUNNING', 'COMPENSATING'))`;

/** By the functions that undo a saga's steps: there is one way back, whoever goes it. */
export const giveBack: Repair = {
  name: 'give-back',
  target: 'order',
  needs: ['B1', 'B3', 'B4', 'B5', 'B7', 'S2', 'S3', 'S4', 'S5', 'S6', 'P4'],
  plan: `
    select concat_ws('; ',
      case when debited > 0 then format('refund %s won to user %s for the refused order %s by a REFUND entry', debited, user_id, id) end,
      case when confirmed > 0 then format('take %s confirmed items of order %s back by UNCONFIRM entries', confirmed, id) end,
      case when reserved > 0 then format('release %s reserved items of order %s by RELEASE entries', reserved, id) end) as says
    from (${left}) o
    where debited in (0, final_amount) and confirmed >= 0 and reserved >= 0 and debited + confirmed + reserved > 0`,
  act: `
    select undo_deduct_balance(p, case when debited > 0 then array[id] else '{}' end), undo_confirm_stock(p, array[id])
    from (select o.*, array[row(null, null, id, user_id, user_coupon_id, final_amount, 0, products, null, null, null)::payment_facts] as p from (${left}) o) o`,
};

/** The payment is there and everything it stands for; only the order was not told. */
export const markPaid: Repair = {
  name: 'mark-paid',
  target: 'order',
  needs: ['P1', 'P2', 'P3', 'B5', 'B7', 'C1', 'C3'],
  plan: `
    select format('set order %s from PAYING to PAID: payment %s of %s won is complete, debit and stock are booked', o.id, p.id, p.amount) as says
    from orders o join payments p on p.order_id = o.id and p.status = 'COMPLETED'
    where o.id = $1 and o.status = 'PAYING'
      and not exists (select from saga_state s where s.order_id = o.id and s.status <> 'COMPLETED')`,
  act: `update orders set status = 'PAID', xid = pg_current_xact_id() where id = $1 and status = 'PAYING'`,
};
