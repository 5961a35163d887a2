import type { Mutant } from './mutant.ts';
import { order, saga, withCoupon } from './targets.ts';

export const couponMutants: readonly Mutant[] = [
  {
    code: 'C1',
    does: 'a used coupon names no order',
    sql: `update user_coupons set used_order_id = null where used_order_id = ${withCoupon}`,
  },
  {
    code: 'C1',
    does: 'a used coupon is handed out again',
    sql: `update user_coupons set status = 'ISSUED' where used_order_id = ${withCoupon}`,
  },
  {
    code: 'C1',
    does: 'a coupon names an order that does not name it',
    sql: `update user_coupons set used_order_id = ${saga} where used_order_id = ${withCoupon}`,
  },
  {
    code: 'C2',
    does: 'one coupon pays for two orders',
    sql: `update orders set user_coupon_id = (select user_coupon_id from orders where id = ${withCoupon}) where id = ${saga}`,
  },
  {
    code: 'C3',
    does: 'a paid order’s coupon is still issued',
    sql: `update user_coupons set status = 'ISSUED', used_order_id = null where used_order_id = ${withCoupon}`,
  },
  {
    code: 'C3',
    does: 'a refused order keeps the coupon',
    sql: `update user_coupons u set status = 'USED', used_order_id = o.id from orders o
      where o.status = 'PAYMENT_FAILED' and o.user_coupon_id is not null and u.id = o.user_coupon_id`,
  },
  {
    code: 'C3',
    does: 'the coupon that was asked for is not the one applied',
    sql: `update payment_route set user_coupon_id = null where order_id = ${withCoupon}`,
  },
  {
    code: 'C4',
    does: 'a coupon is out that was not issued',
    sql: `update coupons set issued = issued - 1 where id = 1`,
  },
  {
    code: 'C4',
    does: 'more coupons than the quota',
    sql: `alter table coupons drop constraint coupons_check; update coupons set quota = 0 where id = 1`,
  },
  {
    code: 'C5',
    does: 'a discount that is not the coupon’s',
    sql: `update orders set discount_amount = discount_amount + 1 where id = ${withCoupon}`,
  },
  {
    code: 'C5',
    does: 'a discount without a coupon',
    sql: `update orders set discount_amount = 1 where id = ${order('legacy-lean', 'PAID', 'user_coupon_id is null')}`,
  },
  {
    code: 'C5',
    does: 'the coupon of a discount does not exist',
    sql: `delete from user_coupons where id = (select user_coupon_id from orders where id = ${withCoupon})`,
  },
  {
    code: 'C6',
    does: 'a coupon of somebody else',
    sql: `update user_coupons set user_id = user_id + 1 where used_order_id = ${withCoupon}`,
  },
];
