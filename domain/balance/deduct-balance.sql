create or replace function lock_deduct_balance(p payment_facts[], wait boolean) returns payment_facts[] language plpgsql as $$
declare wanted bigint[] := array(select distinct user_id from unnest(p) where code is null); held bigint[];
begin
  if wait then
    held := array(select b.user_id from balances b where b.user_id = any(wanted) order by b.user_id for update);
  else
    held := array(select b.user_id from balances b where b.user_id = any(wanted) order by b.user_id for update skip locked);
  end if;
  if wanted <@ held then return p; end if;
  return mark_busy(p, array(select f.order_id from unnest(p) f join balances b on b.user_id = f.user_id
    where f.code is null and not b.user_id = any(held)));
end $$;

-- Cumulative sums say who still fits, in arrival order. The sum also counts the payments refused before one, so the
-- refused are tried again one by one, under locks already held, before they are refused for good.
create or replace function deduct_balance(p payment_facts[], engine text) returns payment_facts[] language plpgsql as $$
declare done bigint[]; refused bigint[] := '{}'; r record; wanted bigint[] := array(select order_id from unnest(p) where code is null);
begin
  with fit as materialized (
    select * from (
      select f.order_id, f.user_id, f.due, f.n, b.amount, b.version, sum(f.due) over w as spent, row_number() over w as nth
      from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
      join balances b on b.user_id = f.user_id
      where f.code is null window w as (partition by f.user_id order by f.n)) cum
    where spent <= amount
  ), debit as (
    update balances b set amount = b.amount - f.spent, version = b.version + f.times
    from (select user_id, max(spent)::bigint as spent, count(*) as times from fit group by user_id) f where b.user_id = f.user_id
  ), ledger as (
    insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
    select user_id, order_id, 'DEBIT', -due, amount - spent, version + nth from fit order by n
  )
  select coalesce(array_agg(order_id), '{}') into done from fit;
  if wanted <@ done then return p; end if;

  for r in select f.* from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
           where f.code is null and not f.order_id = any(done) order by f.n loop
    with debit as (
      update balances b set amount = b.amount - r.due, version = b.version + 1
      where b.user_id = r.user_id and b.amount >= r.due returning b.amount, b.version
    )
    insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
    select r.user_id, r.order_id, 'DEBIT', -r.due, amount, version from debit;
    if not found then refused := refused || r.order_id; end if;
  end loop;
  return mark_refused(p, refused, 'BALANCE_INSUFFICIENT');
end $$;

-- Refunds the payments whose debit did happen, in ledger order per user. `acted` says whose boundary ran; where a later step
-- of the same boundary refused, only the ledger knows whether this one had debited.
create or replace function undo_deduct_balance(p payment_facts[], acted bigint[]) returns void language plpgsql as $$
begin
  if cardinality(acted) = 0 then return; end if;
  perform b.user_id from balances b
  where b.user_id = any(array(select user_id from unnest(p) where order_id = any(acted))) order by b.user_id for update;
  with back as materialized (
    select f.order_id, f.user_id, f.due, f.n, b.amount + sum(f.due) over w as after, b.version + row_number() over w as version
    from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
    join balances b on b.user_id = f.user_id
    where f.order_id = any(acted) and exists (select from balance_ledger l where l.order_id = f.order_id and l.kind = 'DEBIT')
    window w as (partition by f.user_id order by f.n)
  ), refund as (
    update balances b set amount = f.after, version = f.version
    from (select user_id, max(after)::bigint as after, max(version) as version from back group by user_id) f where b.user_id = f.user_id
  )
  insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
  select user_id, order_id, 'REFUND', due, after, version from back order by n;
end $$;
