-- What the outside hears of a payment under one topic, in the shapes of `domain/delivery-events.ts`; no row for a topic that is not about
-- payments. Inlined where it is called, so that a topic nobody has routed costs one comparison.
create or replace function outside_events_of_payment(topic text, payment_id bigint, order_id bigint, user_id bigint, amount bigint)
returns setof jsonb language sql stable as $$
  select jsonb_build_object('paymentId', $2, 'orderId', $3, 'userId', $4, 'amount', $5) where $1 = 'payment.completed'
  union all
  select jsonb_build_object('orderId', $3, 'userId', $4, 'amount', $5, 'lines', (
    select jsonb_agg(jsonb_build_object('productId', i.product_id, 'qty', i.qty, 'unitPrice', i.unit_price) order by i.product_id)
    from order_items i where i.order_id = $3)) where $1 = 'order.completed'
  union all
  select jsonb_build_object('orderId', $3, 'userId', $4, 'productId', i.product_id, 'qty', i.qty, 'unitPrice', i.unit_price)
  from order_items i where $1 = 'product.purchased' and i.order_id = $3
  union all
  select jsonb_build_object('orderId', $3, 'userId', $4, 'activity', 'payment.completed', 'amount', $5) where $1 = 'user.activity'
$$;
