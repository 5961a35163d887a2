import { refusedStatuses } from '../catalogue/engine-names.ts';
import type { Repair } from './repair.ts';

const payer = `
  select o.id from orders o join user_coupons u on u.id = o.user_coupon_id
  where u.id = $1 and o.user_id = u.user_id and o.status = 'PAID'
    and not exists (select from orders x where x.user_coupon_id = u.id and x.id <> o.id and x.status in ('PAYING', 'PAID'))`;

export const takeCoupon: Repair = {
  name: 'take-coupon',
  target: 'user coupon',
  needs: ['C2', 'C5', 'P4'],
  plan: `
    select format('mark coupon %s as USED by order %s, which was paid with its discount; the row says %s, order %s', u.id, p.id, u.status, coalesce(u.used_order_id::text, 'none')) as says
    from user_coupons u cross join (${payer}) p
    where u.id = $1 and (u.status, u.used_order_id) is distinct from ('USED', p.id)`,
  act: `update user_coupons u set status = 'USED', used_order_id = p.id from (${payer}) p where u.id = $1`,
};

export const giveCouponBack: Repair = {
  name: 'give-coupon-back',
  target: 'user coupon',
  needs: ['C2', 'P4'],
  plan: `
    select format('give coupon %s back to user %s: order %s, which holds it, was refused', u.id, u.user_id, o.id) as says
    from user_coupons u join orders o on o.id = u.used_order_id and o.status in ${refusedStatuses}
    where u.id = $1 and not exists (select from orders x where x.user_coupon_id = u.id and x.status in ('PAYING', 'PAID'))`,
  act: `
    update user_coupons u set status = 'ISSUED', used_order_id = null from orders o
    where u.id = $1 and o.id = u.used_order_id and o.status in ${refusedStatuses}`,
};
