import { type OrderStatus, type RefusalCode, refusalStatus } from '../errors.ts';
import type { EventPayloads, EventType } from '../events.ts';

/** What the events of one saga say of its order. What no event says is undefined. */
export interface FoldedOrder {
  readonly status: OrderStatus;
  /** Set once the order has been refused for good. */
  readonly refusalCode: RefusalCode | null;
  readonly userId: number | undefined;
  /** The coupon that was taken off, not the one that was asked for. */
  readonly couponId: number | null | undefined;
  readonly discount: number | undefined;
  readonly due: number | undefined;
  readonly payment: { readonly paymentId: number | undefined; readonly amount: number } | undefined;
  /** Something was refused or undone: from there on nothing goes forward. */
  readonly turned: boolean;
}

/** An event that cannot follow what came before it, or that says nothing we know. */
export class OutOfPlace extends Error {
  override readonly name = 'OutOfPlace';
}

type Facts = EventPayloads['order.validated'];
type Completed = Partial<EventPayloads['payment.completed']> & Partial<Facts>;
type Change = Partial<FoldedOrder>;
interface Meaning {
  readonly forward: boolean;
  readonly change: (data: unknown, before: FoldedOrder | undefined) => Change;
}

const nothing = (): Change => ({});
const passed: Meaning = { forward: true, change: (data, before) => factsOf(data as Partial<Facts> | null, before) };
const refused: Meaning = {
  forward: false,
  change: (data, before) => (before === undefined ? withoutCoupon((data as { code: RefusalCode }).code) : {}),
};
const undone: Meaning = { forward: false, change: nothing };

/**
 * Type by type. A refusal changes no status yet: the order is PAYING until all is undone. A deadline turns a saga back without one.
 * Other cuts than the four say the same in other places: the first event says who pays what, whatever its type; with one boundary
 * payment.completed does; a coupon that is a boundary of its own says order.validated and payment.failed once more, without a word.
 */
const meanings: Readonly<Record<EventType, Meaning>> = {
  'order.validated': {
    forward: true,
    change: (data, before) =>
      before !== undefined && before.couponId !== null
        ? { couponId: undefined, discount: undefined, due: undefined }
        : factsOf(data as Facts | null, before),
  },
  'balance.deducted': passed,
  'stock.confirmed': passed,
  'payment.completed': {
    forward: true,
    change: (data, before) => {
      const { amount, due, paymentId, ...rest } = (data ?? {}) as Completed;
      const paid = amount ?? due;
      if (paid === undefined) throw new OutOfPlace('payment.completed names no amount');
      return { ...factsOf({ ...rest, due: paid }, before), status: 'PAID', payment: { paymentId, amount: paid } };
    },
  },
  'order.rejected': refused,
  'balance.rejected': refused,
  'stock.rejected': refused,
  'payment.rejected': refused,
  'payment.voided': undone,
  'stock.released': undone,
  'balance.refunded': undone,
  'payment.failed': {
    forward: false,
    change: (data) => {
      const { code } = (data ?? {}) as Partial<EventPayloads['payment.failed']>;
      return code === undefined ? {} : { status: refusalStatus(code), refusalCode: code };
    },
  },
};

const begun: FoldedOrder = {
  status: 'PAYING',
  refusalCode: null,
  userId: undefined,
  couponId: undefined,
  discount: undefined,
  due: undefined,
  payment: undefined,
  turned: false,
};

/** The order after one more event. Throws OutOfPlace. */
export function evolveOrder(before: FoldedOrder | undefined, type: string, data: unknown): FoldedOrder {
  if (!isKnown(type)) throw new OutOfPlace(`${type} is no event of an order`);
  const { forward, change } = meanings[type];
  if (before !== undefined && before.status !== 'PAYING')
    throw new OutOfPlace(`${type} after the order was ${before.status}`);
  if (forward && before?.turned === true) throw new OutOfPlace(`${type} after the payment had turned back`);
  return { ...(before ?? begun), ...change(data, before), turned: !forward };
}

const isKnown = (type: string): type is EventType => Object.hasOwn(meanings, type);

function factsOf(data: Partial<Facts> | null, before: FoldedOrder | undefined): Change {
  if (before !== undefined || data?.userId === undefined) return {};
  return { userId: data.userId, couponId: data.couponId ?? null, due: data.due, discount: data.discount };
}

/** Refused before a coupon was taken off. Of another refusal at the first boundary nobody can say whether it had been. */
const withoutCoupon = (code: RefusalCode): Change =>
  refusalStatus(code) === 'VALIDATION_FAILED' ? { couponId: null, discount: 0 } : {};
