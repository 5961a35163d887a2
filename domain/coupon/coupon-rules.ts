import { Rejection } from '../errors.ts';

export interface UserCoupon {
  readonly userId: number;
  readonly status: string;
}

export function assertCouponUsable(coupon: UserCoupon | undefined, userId: number): asserts coupon is UserCoupon {
  if (coupon?.status !== 'ISSUED' || coupon.userId !== userId) {
    throw new Rejection(
      'COUPON_UNUSABLE',
      `the coupon is ${coupon === undefined ? 'unknown' : 'used or not the payer’s'}`,
    );
  }
}

/** Won taken off the total: the coupon's discount, never more than the total. */
export const discountOf = (total: number, couponDiscount: number): number => Math.min(total, couponDiscount);
