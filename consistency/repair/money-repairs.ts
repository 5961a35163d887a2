import { refusedStatuses } from '../catalogue/engine-names.ts';
import type { Repair } from './repair.ts';

const lastEntry = `(select user_id, balance_after, version from balance_ledger where user_id = $1 order by version desc, id desc limit 1) l`;

/** Only what nobody wrote down is undone: an entry that is missing shows as a balance that is ahead of its ledger. */
export const setBalance: Repair = {
  name: 'set-balance',
  target: 'user',
  needs: ['B3'],
  plan: `
    select format('set the balance of user %s to %s won (version %s), as the last entry of its ledger says; the row %s',
      l.user_id, l.balance_after, l.version, case when b.user_id is null then 'is missing' else format('says %s (version %s)', b.amount, b.version) end) as says
    from ${lastEntry} left join balances b on b.user_id = l.user_id
    where l.balance_after >= 0 and (b.user_id is null or b.version = l.version or b.amount = l.balance_after)
      and (b.amount, b.version) is distinct from (l.balance_after, l.version)`,
  act: `
    insert into balances (user_id, amount, version) select user_id, balance_after, version from ${lastEntry}
    on conflict (user_id) do update set amount = excluded.amount, version = excluded.version`,
};

const debits = `
  select l.id, l.user_id, l.order_id, -l.amount as back, row_number() over (order by l.id) as nth, o.status, o.user_id as owner, o.final_amount
  from balance_ledger l join orders o on o.id = l.order_id
  where l.order_id = $1 and l.kind = 'DEBIT' and not exists (select from balance_correction c where l.id in (c.wrong_id, c.counter_id))`;

/** The first debit stays. Each further one gets a counter entry, and the two are paired. */
export const counterDebit: Repair = {
  name: 'counter-debit',
  target: 'order',
  needs: ['B1', 'B3', 'B4', 'B7'],
  plan: `
    select format('give %s won back to user %s by a REFUND entry for each debit of order %s after the first: %s',
      sum(back) filter (where nth > 1), min(user_id), min(order_id), string_agg('entry ' || id, ', ' order by id) filter (where nth > 1)) as says
    from (${debits}) d
    having count(*) > 1 and bool_and(user_id = owner and back = final_amount)
      and bool_and(status = 'PAID' or status in ${refusedStatuses})
      and (select count(*) from balance_ledger r where r.order_id = $1 and r.kind = 'REFUND'
        and not exists (select from balance_correction c where r.id = c.counter_id)) <= 1`,
  act: `
    with wrong as materialized (
      select id, user_id, order_id, back, nth - 1 as turn, sum(back) over (order by id) as so_far from (${debits}) d where nth > 1
    ), moved as (
      update balances b set amount = b.amount + w.total, version = b.version + w.times
      from (select user_id, sum(back)::bigint as total, count(*) as times from wrong group by user_id) w
      where b.user_id = w.user_id returning b.user_id, b.amount - w.total as before, b.version - w.times as version
    ), counter as (
      insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
      select w.user_id, w.order_id, 'REFUND', w.back, m.before + w.so_far, m.version + w.turn
      from wrong w join moved m on m.user_id = w.user_id order by w.turn
      returning id, version
    )
    insert into balance_correction (wrong_id, counter_id)
    select w.id, c.id from wrong w join moved m on m.user_id = w.user_id join counter c on c.version = m.version + w.turn`,
};
