create or replace function outside_lines(order_id bigint) returns jsonb language sql stable as $$
  select jsonb_agg(jsonb_build_object('productId', i.product_id, 'qty', i.qty, 'unitPrice', i.unit_price) order by i.product_id)
  from order_items i where i.order_id = $1
$$;

-- What the outside hears of a payment under one topic, in the shapes of `domain/delivery-events.ts`; null for a topic that is not about payments.
-- product.purchased is told once for each line of the order; the others have none. One expression, so that it is inlined where it is called:
-- as a set of rows by topic it cost a single payment 30 us more.
create or replace function outside_event_of_payment(
  topic text, payment_id bigint, order_id bigint, user_id bigint, amount bigint, product_id bigint, qty bigint, unit_price bigint
) returns jsonb language sql stable as $$
  select case topic
    when 'payment.completed' then jsonb_build_object('paymentId', payment_id, 'orderId', order_id, 'userId', user_id, 'amount', amount)
    when 'order.completed' then jsonb_build_object('orderId', order_id, 'userId', user_id, 'amount', amount, 'lines', outside_lines(order_id))
    when 'product.purchased' then
      jsonb_build_object('orderId', order_id, 'userId', user_id, 'productId', product_id, 'qty', qty, 'unitPrice', unit_price)
    when 'user.activity' then
      jsonb_build_object('orderId', order_id, 'userId', user_id, 'activity', 'payment.completed', 'amount', amount)
  end
$$;
