-- Completes the facts of payments that have just begun: total and items, which never change once an order is placed.
-- `due` stays null when the items do not add up to a positive total: validate_order refuses that.
create or replace function load_facts(p payment_facts[]) returns payment_facts[] language sql as $$
  select coalesce(array_agg(row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id,
    case when o.total_amount > 0 and o.total_amount = i.worth then o.total_amount end, 0,
    coalesce(i.products, '{}'), coalesce(i.qtys, '{}'), f.payment_id, f.code)::payment_facts order by f.n), '{}')
  from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
  left join lateral (select x.total_amount from orders x where x.id = f.order_id limit 1) o on true
  left join lateral (
    select array_agg(y.product_id order by y.product_id) as products, array_agg(y.qty order by y.product_id) as qtys,
      sum(y.qty * y.unit_price) as worth
    from order_items y where y.order_id = f.order_id) i on true
$$;
