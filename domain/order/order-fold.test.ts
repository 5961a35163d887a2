import { describe, expect, test } from '@jest/globals';
import { refusalCodes, refusalStatus } from '../errors.ts';
import { evolveOrder, type FoldedOrder, OutOfPlace } from './order-fold.ts';

type Event = readonly [type: string, data?: unknown];
const fold = (...events: readonly Event[]): FoldedOrder | undefined =>
  events.reduce<FoldedOrder | undefined>((order, [type, data = null]) => evolveOrder(order, type, data), undefined);

const validated: Event = ['order.validated', { userId: 7, couponId: 3, due: 900, discount: 100 }];
const facts = { userId: 7, couponId: 3, due: 900, discount: 100 };

describe('forward', () => {
  test('the first event says who pays what', () => {
    expect(fold(validated)).toMatchObject({ status: 'PAYING', refusalCode: null, payment: undefined, ...facts });
  });

  test('the last one makes it paid', () => {
    expect(
      fold(validated, ['balance.deducted'], ['stock.confirmed'], ['payment.completed', { paymentId: 9, amount: 900 }]),
    ).toMatchObject({ status: 'PAID', payment: { paymentId: 9, amount: 900 }, ...facts });
  });

  test('a saga of one boundary says all at once, but not the payment’s number', () => {
    expect(fold(['payment.completed', validated[1]])).toMatchObject({
      status: 'PAID',
      payment: { paymentId: undefined, amount: 900 },
      ...facts,
    });
  });

  test('with another cut the facts come with another first event', () => {
    expect(fold(['balance.deducted', validated[1]])).toMatchObject(facts);
  });

  test('a coupon that is a boundary of its own leaves unsaid what it took off, unless there was none', () => {
    const asked = { userId: 7, couponId: 3, due: 1_000, discount: 0 };
    expect(fold(['order.validated', asked], ['order.validated'])).toMatchObject({
      userId: 7,
      couponId: undefined,
      due: undefined,
      discount: undefined,
    });
    expect(fold(['order.validated', { ...asked, couponId: null }], ['order.validated'])).toMatchObject({
      couponId: null,
      due: 1_000,
    });
  });
});

describe('back', () => {
  test.each(refusalCodes)('a refusal %s is final when all is undone, and not before', (code) => {
    const refused: Event[] = [validated, ['balance.rejected', { code }], ['payment.voided'], ['stock.released']];
    expect(fold(...refused)).toMatchObject({ status: 'PAYING', refusalCode: null });
    expect(fold(...refused, ['balance.refunded'], ['payment.failed', { code }])).toMatchObject({
      status: refusalStatus(code),
      refusalCode: code,
      ...facts,
    });
  });

  test('refused at the first boundary nobody says how much, but that no coupon was taken off when it could not be', () => {
    const unknown = { userId: undefined, due: undefined };
    expect(fold(['order.rejected', { code: 'COUPON_UNUSABLE' }])).toMatchObject({
      ...unknown,
      couponId: null,
      discount: 0,
    });
    expect(fold(['order.rejected', { code: 'BALANCE_INSUFFICIENT' }])).toMatchObject({
      ...unknown,
      couponId: undefined,
    });
  });

  test('a deadline turns it back without a refusal, and a coupon’s undo says nothing', () => {
    expect(fold(validated, ['payment.voided'], ['payment.failed'])).toMatchObject({ status: 'PAYING' });
    expect(fold(validated, ['payment.voided'], ['payment.failed', { code: 'PAYMENT_FAILED' }])).toMatchObject({
      status: 'PAYMENT_FAILED',
    });
  });
});

describe('out of place', () => {
  const done: Event = ['payment.completed', { paymentId: 9, amount: 900 }];
  test.each<[string, Event[]]>([
    ['an event that nobody knows', [validated, ['order.eaten']]],
    ['a name that every object has', [['constructor']]],
    ['anything after it was paid', [validated, done, ['payment.failed', { code: 'PAYMENT_FAILED' }]]],
    ['anything after it was refused', [['payment.failed', { code: 'PAYMENT_FAILED' }], ['payment.voided']]],
    [
      'forward after a refusal',
      [validated, ['balance.rejected', { code: 'BALANCE_INSUFFICIENT' }], ['stock.confirmed']],
    ],
    ['forward after an undo', [validated, ['payment.voided'], done]],
    ['a payment of no amount', [validated, ['payment.completed']]],
  ])('is %s', (_, events) => {
    expect(() => fold(...events)).toThrow(OutOfPlace);
  });
});
