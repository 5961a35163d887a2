import { refusedStatuses } from '../catalogue/engine-names.ts';
import type { Repair } from './repair.ts';

const folded = `
  (select coalesce(sum(case kind when 'RESTOCK' then qty when 'RESERVE' then -qty when 'RELEASE' then qty else 0 end), 0)::bigint as available,
     coalesce(sum(case kind when 'RESTOCK' then 0 when 'RESERVE' then qty when 'UNCONFIRM' then qty else -qty end), 0)::bigint as reserved
   from stock_ledger where product_id = $1) l`;

/** Orders of which the product's ledger lacks a movement, or has one too many: then it is no better than the row. */
const unbelievable = `
  select from (
    select m.order_id, count(*) filter (where m.kind = 'RESERVE') as r, count(*) filter (where m.kind = 'CONFIRM') as c,
      count(*) filter (where m.kind = 'UNCONFIRM') as u, count(*) filter (where m.kind = 'RELEASE') as l,
      min(m.qty) as least, max(m.qty) as most
    from stock_ledger m where m.product_id = $1 and m.order_id is not null group by m.order_id) m
  left join orders o on o.id = m.order_id
  left join order_items i on i.order_id = m.order_id and i.product_id = $1
  where (least = i.qty and most = i.qty and r = 1 and c in (0, 1) and u <= c and l <= 1
    and case when o.status = 'PAID' then c - u = 1 and l = 0 when o.status in ${refusedStatuses} then c = u and l = 1 else o.id is not null end) is not true`;

export const setStock: Repair = {
  name: 'set-stock',
  target: 'product',
  needs: ['S5'],
  plan: `
    select format('set the stock of product %s to %s available, %s reserved, as its ledger adds up to; the row %s', $1::bigint, l.available, l.reserved,
      case when s.product_id is null then 'is missing' else format('says %s and %s', s.available, s.reserved) end) as says
    from ${folded} left join stocks s on s.product_id = $1
    where l.available >= 0 and l.reserved >= 0 and (s.available, s.reserved) is distinct from (l.available, l.reserved)
      and not exists (${unbelievable})`,
  act: `
    insert into stocks (product_id, available, reserved) select $1::bigint, available, reserved from ${folded}
    on conflict (product_id) do update set available = excluded.available, reserved = excluded.reserved`,
};
