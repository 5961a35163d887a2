import { describe, expect, test } from '@jest/globals';
import { refusalCodes, refusalStatus, Rejection } from './errors.ts';

describe('a refusal', () => {
  test('leaves the order with a status of its own kind, or VALIDATION_FAILED', () => {
    expect(Object.fromEntries(refusalCodes.map((code) => [code, refusalStatus(code)]))).toEqual({
      VALIDATION_FAILED: 'VALIDATION_FAILED',
      COUPON_UNUSABLE: 'VALIDATION_FAILED',
      ORDER_NOT_PAYABLE: 'VALIDATION_FAILED',
      BALANCE_INSUFFICIENT: 'BALANCE_INSUFFICIENT',
      STOCK_INSUFFICIENT: 'STOCK_INSUFFICIENT',
      PAYMENT_FAILED: 'PAYMENT_FAILED',
    });
  });

  test('is told from a fault by its class, and keeps its cause', () => {
    const cause = new Error('below');
    const refusal = new Rejection('PAYMENT_FAILED', 'no', { cause });
    expect(refusal).toBeInstanceOf(Error);
    expect(refusal).toMatchObject({ name: 'Rejection', code: 'PAYMENT_FAILED', cause });
  });
});
