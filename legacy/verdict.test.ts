import { describe, expect, test } from '@jest/globals';
import { answerOf, claimValues, type Verdict } from './verdict.ts';

const nothing: Verdict = {
  verdict: 'ORDER_NOT_FOUND',
  side: 'saga',
  reason: 'bucket',
  bucket: 4,
  config_version: 9,
  engine: null,
  refusal: null,
  payment_id: null,
  amount: null,
  saga_id: null,
};
const route = { side: 'saga', reason: 'bucket', bucket: 4, version: 9 };

describe('the answer to a request that started nothing', () => {
  test('is the first final one, with the stored route, if there is one', () => {
    expect(answerOf({ ...nothing, verdict: 'PAID', engine: 'e', payment_id: 5, amount: 70 })).toEqual({
      kind: 'paid',
      paymentId: 5,
      amount: 70,
      engine: 'e',
      route,
      replayed: true,
    });
    expect(answerOf({ ...nothing, verdict: 'REFUSED', refusal: 'PAYMENT_FAILED', saga_id: 8 })).toEqual({
      kind: 'refused',
      code: 'PAYMENT_FAILED',
      engine: 'unknown',
      route,
      replayed: true,
      sagaId: 8,
    });
  });

  test('says why nothing has changed, and which saga has the order in hand', () => {
    expect(answerOf(nothing)).toEqual({ kind: 'unchanged', code: 'ORDER_NOT_FOUND' });
    expect(answerOf({ ...nothing, verdict: 'PAYMENT_IN_PROGRESS', saga_id: 8 })).toEqual({
      kind: 'unchanged',
      code: 'PAYMENT_IN_PROGRESS',
      sagaId: 8,
    });
    expect(answerOf({ ...nothing, verdict: 'EMERGENCY' })).toEqual({ kind: 'reroute' });
  });

  test.each(['PAID', 'REFUSED', 'CLAIMED'] as const)('%s without what it needs is a fault', (verdict) => {
    expect(() => answerOf({ ...nothing, verdict })).toThrow(Error);
  });
});

test('a claim names order, user, coupon and route, in the order of the SQL functions', () => {
  const command = {
    orderId: 1,
    userId: 2,
    couponId: null,
    route: { side: 'legacy', reason: 'vip', bucket: 2, version: 3 },
  } as const;
  expect(claimValues(command)).toEqual([1, 2, null, 'legacy', 'vip', 2, 3]);
});
