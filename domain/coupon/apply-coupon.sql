-- Locks, and says what the coupon will take off: from here on that is certain, and the receipt is claimed with it.
create or replace function lock_apply_coupon(p payment_facts[], wait boolean) returns payment_facts[] language plpgsql as $$
declare wanted bigint[] := array(select distinct coupon_id from unnest(p) where code is null and coupon_id is not null); held bigint[];
begin
  if cardinality(wanted) = 0 then return p; end if;
  if wait then
    held := array(select u.id from user_coupons u where u.id = any(wanted) order by u.id for update);
  else
    held := array(select u.id from user_coupons u where u.id = any(wanted) order by u.id for update skip locked);
  end if;
  if not wanted <@ held then
    p := mark_busy(p, array(select f.order_id from unnest(p) f join user_coupons u on u.id = f.coupon_id where not u.id = any(held)));
  end if;
  return array(select row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id, f.due, coalesce(c.discount, f.discount), f.products, f.qtys,
      f.payment_id, f.code)::payment_facts
    from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
    left join lateral (
      select least(x.discount, f.due) as discount from user_coupons u join coupons x on x.id = u.coupon_id
      where u.id = f.coupon_id and u.user_id = f.user_id and u.status = 'ISSUED' and f.code is null limit 1) c on true
    order by f.n);
end $$;

-- Takes the coupon and lowers what is due, never below zero. A coupon goes to the first payment of the batch that asks for it.
create or replace function apply_coupon(p payment_facts[], engine text) returns payment_facts[] language plpgsql as $$
declare applied payment_facts[]; asking bigint[] := array(select order_id from unnest(p) where code is null and coupon_id is not null);
begin
  if cardinality(asking) = 0 then return p; end if;
  with usable as materialized (
    select f.n, f.order_id, f.coupon_id, least(c.discount, f.due) as discount
    from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
    join user_coupons u on u.id = f.coupon_id and u.user_id = f.user_id and u.status = 'ISSUED'
    join coupons c on c.id = u.coupon_id
    where f.code is null
  ), first_asked as materialized (
    select distinct on (coupon_id) * from usable order by coupon_id, n
  ), used as (
    update user_coupons u set status = 'USED', used_order_id = a.order_id from first_asked a where u.id = a.coupon_id
  ), lowered as (
    update orders o set user_coupon_id = a.coupon_id, discount_amount = a.discount, final_amount = o.total_amount - a.discount,
      xid = pg_current_xact_id()
    from first_asked a where o.id = a.order_id
  )
  select array_agg(row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id, f.due - coalesce(a.discount, 0), coalesce(a.discount, 0),
    f.products, f.qtys, f.payment_id,
    case when f.code is null and f.coupon_id is not null and a.order_id is null then 'COUPON_UNUSABLE' else f.code end)::payment_facts order by f.n)
  into applied
  from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
  left join first_asked a on a.order_id = f.order_id;
  return applied;
end $$;

-- Only the coupon goes back; the order keeps discount and final amount as the record of the attempt.
create or replace function undo_apply_coupon(p payment_facts[], acted bigint[]) returns void language sql as $$
  update user_coupons u set status = 'ISSUED', used_order_id = null
  from unnest(p) f where f.coupon_id is not null and u.id = f.coupon_id and u.used_order_id = f.order_id and u.status = 'USED'
$$;
