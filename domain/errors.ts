/** Refusals that end a payment for good; the order gets the status of `refusalStatus`. */
export const refusalCodes = [
  'VALIDATION_FAILED',
  'COUPON_UNUSABLE',
  'ORDER_NOT_PAYABLE',
  'BALANCE_INSUFFICIENT',
  'STOCK_INSUFFICIENT',
  'PAYMENT_FAILED',
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

/** Answers after which nothing has changed: no route, no status, no money. */
export const unchangedCodes = [
  'ORDER_NOT_FOUND',
  'ORDER_NOT_PAYABLE',
  'COUPON_UNUSABLE',
  'COUPON_MISMATCH',
  'PAYMENT_IN_PROGRESS',
] as const;
export type UnchangedCode = (typeof unchangedCodes)[number];

export type OrderStatus =
  | 'PENDING'
  | 'PAYING'
  | 'PAID'
  | 'VALIDATION_FAILED'
  | 'BALANCE_INSUFFICIENT'
  | 'STOCK_INSUFFICIENT'
  | 'PAYMENT_FAILED';

const statuses: Readonly<Record<RefusalCode, OrderStatus>> = {
  VALIDATION_FAILED: 'VALIDATION_FAILED',
  COUPON_UNUSABLE: 'VALIDATION_FAILED',
  ORDER_NOT_PAYABLE: 'VALIDATION_FAILED',
  BALANCE_INSUFFICIENT: 'BALANCE_INSUFFICIENT',
  STOCK_INSUFFICIENT: 'STOCK_INSUFFICIENT',
  PAYMENT_FAILED: 'PAYMENT_FAILED',
};

/** The status an order is left with when its payment ends with this refusal. */
export const refusalStatus = (code: RefusalCode): OrderStatus => statuses[code];

/** A rule said no. Never retried; it starts compensation (or a rollback) and maps to 4xx. Anything else is a fault. */
export class Rejection extends Error {
  override readonly name = 'Rejection';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
