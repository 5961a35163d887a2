create or replace function lock_confirm_stock(p payment_facts[], wait boolean) returns payment_facts[] language plpgsql as $$
declare wanted bigint[] := array(select distinct i from unnest(p) f, unnest(f.products) i where f.code is null); held bigint[];
begin
  if wait then
    held := array(select s.product_id from stocks s where s.product_id = any(wanted) order by s.product_id for update);
  else
    held := array(select s.product_id from stocks s where s.product_id = any(wanted) order by s.product_id for update skip locked);
  end if;
  if wanted <@ held then return p; end if;
  held := array(select s.product_id from stocks s where s.product_id = any(wanted) and not s.product_id = any(held));
  return mark_busy(p, array(select f.order_id from unnest(p) f where f.code is null and f.products && held));
end $$;

-- Confirms the order's reservation when it is live for every item; a lapsed one (RELEASEd meanwhile) is refused.
-- The reservation is read from the ledger after the stock rows are locked: whoever lets it lapse locks them too.
create or replace function confirm_stock(p payment_facts[], engine text) returns payment_facts[] language plpgsql as $$
declare done bigint[]; wanted bigint[] := array(select order_id from unnest(p) where code is null);
begin
  with fit as materialized (
    select * from (
      select f.n, f.order_id, i.product_id, i.qty, bool_and(l.live >= i.qty) over (partition by f.order_id) as fits
      from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
      cross join lateral unnest(f.products, f.qtys) i (product_id, qty)
      cross join lateral (
        select coalesce(sum(case x.kind when 'RESERVE' then x.qty when 'UNCONFIRM' then x.qty else -x.qty end), 0) as live
        from stock_ledger x where x.order_id = f.order_id and x.product_id = i.product_id) l
      where f.code is null) item
    where fits
  ), confirm as (
    update stocks s set reserved = s.reserved - t.qty
    from (select product_id, sum(qty)::bigint as qty from fit group by product_id) t where s.product_id = t.product_id
  ), ledger as (
    insert into stock_ledger (product_id, order_id, kind, qty) select product_id, order_id, 'CONFIRM', qty from fit order by n
  )
  select coalesce(array_agg(distinct order_id), '{}') into done from fit;
  if wanted <@ done then return p; end if;
  return mark_refused(p, array(select unnest(wanted) except select unnest(done)), 'STOCK_INSUFFICIENT');
end $$;

-- Gives the order's stock back: UNCONFIRM what was confirmed, then RELEASE what is reserved. Every refusal ends here,
-- whether or not the confirmation ever happened, so it goes by the ledger and not by `acted`.
create or replace function undo_confirm_stock(p payment_facts[], acted bigint[]) returns void language plpgsql as $$
begin
  perform s.product_id from stocks s where s.product_id = any(array(select i from unnest(p) f, unnest(f.products) i))
  order by s.product_id for update;
  with held as materialized (
    select f.order_id, i.product_id, l.confirmed, l.reserved
    from unnest(p) f cross join lateral unnest(f.products) i (product_id)
    cross join lateral (
      select coalesce(sum(case x.kind when 'CONFIRM' then x.qty when 'UNCONFIRM' then -x.qty else 0 end), 0) as confirmed,
        coalesce(sum(case x.kind when 'RESERVE' then x.qty when 'RELEASE' then -x.qty else 0 end), 0) as reserved
      from stock_ledger x where x.order_id = f.order_id and x.product_id = i.product_id) l
  ), back as (
    update stocks s set reserved = s.reserved + t.confirmed - t.reserved, available = s.available + t.reserved
    from (select product_id, sum(confirmed)::bigint as confirmed, sum(reserved)::bigint as reserved from held group by product_id) t
    where s.product_id = t.product_id
  )
  insert into stock_ledger (product_id, order_id, kind, qty)
  select h.product_id, h.order_id, m.kind, m.qty from held h
  cross join lateral (values ('UNCONFIRM', h.confirmed, 1), ('RELEASE', h.reserved, 2)) m (kind, qty, turn)
  where m.qty > 0 order by h.order_id, h.product_id, m.turn;
end $$;
