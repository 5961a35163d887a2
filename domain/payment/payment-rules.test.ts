import { describe, expect, test } from '@jest/globals';
import { refusalOf } from '../../test/support/refusal.ts';
import { assertMayPay } from './payment-rules.ts';

describe('a user', () => {
  test('who is not blocked may pay', () => {
    expect(refusalOf(() => assertMayPay({ paymentBlocked: false }))).toBeUndefined();
  });

  test('who is blocked, or unknown, may not', () => {
    expect(refusalOf(() => assertMayPay({ paymentBlocked: true }))).toBe('PAYMENT_FAILED');
    expect(refusalOf(() => assertMayPay(undefined))).toBe('PAYMENT_FAILED');
  });
});
