import { expect, test } from '@jest/globals';
import { toAsk } from './ask-again.ts';
import type { Operation } from './operation.ts';

const operation = (orderId: number, change: Partial<Operation> = {}): Operation => ({
  ...{ orderId, userId: 7, couponId: orderId % 2 === 0 ? orderId : null, expect: 'PAID' },
  ...{ intendedAt: 0, startedAt: 0, endedAt: 1, status: 201 },
  ...{ outcome: 'paid', code: null, paymentId: orderId, engine: 'legacy' },
  ...change,
});
const many = Array.from({ length: 1_000 }, (_, i) =>
  operation(i + 1, i % 10 === 0 ? { outcome: i % 20 === 0 ? 'unknown' : 'failed', status: 0 } : {}),
);

test('all without a final answer are asked again as they asked, then a sample of the others', () => {
  const again = toAsk(many, 1).filter(({ attempt }) => attempt === 2);
  const unknown = many.filter(({ outcome }) => outcome !== 'paid').map(({ orderId }) => orderId);
  expect(again.slice(0, 100).map(({ orderId }) => orderId)).toEqual(unknown);
  expect(new Set(again.map(({ orderId }) => orderId)).size).toBe(150);
  for (const { orderId, couponId } of again) expect(couponId).toBe(orderId % 2 === 0 ? orderId : null);
});

test('a few of the sample are asked with another coupon, after the same one', () => {
  const again = toAsk(many, 1);
  const other = again.slice(-5);
  expect(other.map(({ attempt }) => attempt)).toEqual([3, 3, 3, 3, 3]);
  for (const { orderId, couponId } of other) {
    expect(couponId === null).toBe(orderId % 2 === 0);
    expect(again.filter((one) => one.orderId === orderId).map(({ attempt }) => attempt)).toEqual([2, 3]);
  }
  expect(again.filter(({ attempt }) => attempt === 3)).toHaveLength(5);
});

test('the seed decides the sample', () => {
  expect(toAsk(many, 1)).toEqual(toAsk(many, 1));
  expect(toAsk(many, 1)).not.toEqual(toAsk(many, 2));
  expect(toAsk([], 1)).toEqual([]);
});
