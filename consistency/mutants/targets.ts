export const order = (engine: string, status = 'PAID', also = 'true'): string =>
  `(select id from orders where engine = '${engine}' and status = '${status}' and ${also} order by id limit 1)`;
export const lean = order('legacy-lean');
export const saga = order('orchestration');
export const refusedSaga = order('orchestration', 'STOCK_INSUFFICIENT');
export const sagaOf = (orderId: string): string => `(select saga_id from saga_state where order_id = ${orderId})`;
export const withCoupon = order('legacy-lean', 'PAID', 'user_coupon_id is not null');
export const payer = `(select user_id from orders where id = ${lean})`;
export const product = '(select product_id from stocks where reserved > 0 order by product_id limit 1)';
export const line = (orderId: string): string =>
  `order_id = ${orderId} and product_id = (select min(product_id) from order_items where order_id = ${orderId})`;

export const copyMovement = (orderId: string, kind: string): string =>
  `insert into stock_ledger (product_id, order_id, kind, qty) select product_id, order_id, '${kind}', qty from order_items where ${line(orderId)}`;
