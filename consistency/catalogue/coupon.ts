import { refusedStatuses } from './engine-names.ts';
import type { Invariant, Subject } from './invariant.ts';
import { order } from './order.ts';

const userCoupon: Subject = {
  name: 'user coupon',
  key: 'user coupon',
  tables: ['user_coupons', 'orders'],
  sql: (within) => `
    select u.id, u.used_order_id as order_id, o.engine, u.user_id, u.status, u.used_order_id, o.user_id as order_owner, o.user_coupon_id as order_coupon_id,
      coalesce(p.payers, 0) as payers
    from user_coupons u
    left join orders o on o.id = u.used_order_id
    left join (select user_coupon_id, count(*) as payers from orders where status = 'PAID' and user_coupon_id is not null and ${within('user_coupon_id')} group by user_coupon_id) p
      on p.user_coupon_id = u.id
    where ${within('u.id')}`,
};

const coupon: Subject = {
  name: 'coupon',
  key: 'coupon',
  tables: ['coupons', 'user_coupons'],
  sql: (within) => `
    select coalesce(c.id, u.coupon_id) as id, null::bigint as order_id, null as engine, c.quota, c.issued, coalesce(u.given, 0) as given
    from (select * from coupons where ${within('id')}) c
    full join (select coupon_id, count(*) as given from user_coupons where ${within('coupon_id')} group by coupon_id) u on u.coupon_id = c.id`,
};

const asked = 'user_coupon_id is not null';

export const couponInvariants: readonly Invariant[] = [
  {
    code: 'C1',
    class: 'I',
    severity: 'money',
    sentence: 'A coupon is USED exactly when an order used it, and that order names it.',
    remedy: 'A give-back or a take was done in part.',
    binds: 'none',
    checks: [
      {
        subject: userCoupon,
        wrong: `(status = 'USED') is distinct from (used_order_id is not null)
          or (used_order_id is not null and order_coupon_id is distinct from id)`,
      },
    ],
  },
  {
    code: 'C2',
    class: 'I',
    severity: 'money',
    sentence: 'No coupon paid for two orders.',
    remedy: 'The coupon was taken without its row lock.',
    binds: 'none',
    checks: [{ subject: userCoupon, wrong: 'payers > 1' }],
  },
  {
    code: 'C3',
    class: 'T',
    severity: 'money',
    sentence: 'A paid order used the coupon that was asked for; a refused one holds none.',
    remedy: 'Give the coupon back by hand (ISSUED, no order) when the order is refused.',
    binds: 'all',
    examines: 'paid with coupon',
    checks: [
      {
        subject: order,
        applies: `status = 'PAID' and (${asked} or asked_coupon_id is not null)`,
        wrong: `coupon_status is distinct from 'USED' or coupon_used_by is distinct from id
          or (is_routed and asked_coupon_id is distinct from user_coupon_id)`,
      },
      {
        subject: order,
        applies: `status in ${refusedStatuses} and ${asked}`,
        wrong: 'coupon_used_by is not distinct from id',
      },
    ],
  },
  {
    code: 'C4',
    class: 'I',
    severity: 'money',
    sentence: 'As many coupons are out as were issued, and no more than the quota.',
    remedy: 'Coupons were handed out past `issued`.',
    binds: 'none',
    checks: [{ subject: coupon, wrong: 'issued is distinct from given or quota is null or issued > quota' }],
  },
  {
    code: 'C5',
    class: 'I',
    severity: 'money',
    sentence: 'An order’s discount is its coupon’s, at most its total; without a coupon there is none.',
    remedy: 'The coupon’s discount was changed after its use, or the wrong one applied.',
    binds: 'all',
    examines: 'worked on',
    checks: [
      {
        subject: order,
        applies: asked,
        wrong: `coupon_discount is null or discount_amount is distinct from least(coupon_discount, total_amount)`,
      },
      { subject: order, applies: 'user_coupon_id is null', wrong: 'discount_amount is distinct from 0' },
    ],
  },
  {
    code: 'C6',
    class: 'I',
    severity: 'money',
    sentence: 'A coupon and the order it is used for have one owner.',
    remedy: 'Ownership was not checked when the coupon was taken.',
    binds: 'all',
    examines: 'with coupon',
    checks: [
      { subject: order, applies: asked, wrong: 'coupon_owner is distinct from user_id' },
      { subject: userCoupon, applies: 'used_order_id is not null', wrong: 'order_owner is distinct from user_id' },
    ],
  },
];
