-- Locks, and draws the payment's number: the receipt is claimed with it. Of one that is not made the number is lost, no more.
create or replace function lock_create_payment(p payment_facts[], wait boolean) returns payment_facts[] language plpgsql as $$
begin
  p := lock_validate_order(p, wait);
  return array(select row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id, f.due, f.discount, f.products, f.qtys,
      case when f.code is null then nextval('payments_id_seq') end, f.code)::payment_facts
    from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n) order by f.n);
end $$;

-- The pivot: payment, order PAID, delivery log. Refuses blocked users; after its commit nothing can refuse any more.
create or replace function create_payment(p payment_facts[], engine text) returns payment_facts[] language plpgsql as $$
declare wanted bigint[] := array(select order_id from unnest(p) where code is null); done bigint[];
begin
  with payment as (
    insert into payments (id, order_id, user_id, amount, engine) overriding system value
    select f.payment_id, f.order_id, f.user_id, f.due, create_payment.engine
    from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
    join orders o on o.id = f.order_id and o.status = 'PAYING'
    join users u on u.id = f.user_id and not u.payment_blocked
    where f.code is null order by f.n
    on conflict (order_id) do nothing returning id, order_id, user_id, amount
  ), paid as (
    update orders o set status = 'PAID', xid = pg_current_xact_id() from payment m where o.id = m.order_id
  ), delivery as (
    insert into external_event_log (order_id, event_type, target_system, event_data)
    select m.order_id, r.event_type, r.target_system,
      outside_event_of_payment(r.event_type, m.id, m.order_id, m.user_id, m.amount, i.product_id, i.qty, i.unit_price)
    from payment m
    join delivery_route r on r.event_type in ('payment.completed', 'order.completed', 'product.purchased', 'user.activity')
    left join order_items i on r.event_type = 'product.purchased' and i.order_id = m.order_id
  )
  select coalesce(array_agg(order_id), '{}') into done from payment;
  if wanted <@ done then return p; end if;
  return mark_refused(p, array(select unnest(wanted) except select unnest(done)), 'PAYMENT_FAILED');
end $$;

-- The pivot has no compensation; its undo exists only to take the receipt, so that a late payment is not made.
create or replace function undo_create_payment(p payment_facts[], acted bigint[]) returns void language sql as $$
  select
$$;
