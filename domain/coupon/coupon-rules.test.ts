import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refusalOf } from '../../test/support/refusal.ts';
import { assertCouponUsable, discountOf } from './coupon-rules.ts';

const won = fc.integer({ min: 0, max: 1e12 });

describe('a coupon', () => {
  test('can be used by its owner while it is issued', () => {
    expect(refusalOf(() => assertCouponUsable({ userId: 7, status: 'ISSUED' }, 7))).toBeUndefined();
  });

  test.each([
    ['used', { userId: 7, status: 'USED' }],
    ['somebody else’s', { userId: 8, status: 'ISSUED' }],
    ['unknown', undefined],
  ])('that is %s is refused', (_, coupon) => {
    expect(refusalOf(() => assertCouponUsable(coupon, 7))).toBe('COUPON_UNUSABLE');
  });

  test('takes off its discount, and never more than the total', () => {
    fc.assert(
      fc.property(won, won, (total, discount) => {
        const taken = discountOf(total, discount);
        return taken >= 0 && taken <= total && (taken === discount || taken === total);
      }),
    );
  });

  test('has nothing to take off an order that costs nothing', () => {
    expect(discountOf(0, 500)).toBe(0);
  });
});
