import type { RefusalCode } from './errors.ts';
import type { StepName } from './steps.ts';

/** What a boundary says when it passed, when a rule refused, and when it was undone. Stored in event_store, sent as topics. */
export interface StepEvents {
  readonly passed: EventType;
  readonly refused: EventType;
  readonly undone: EventType;
}

/** Payload of every event, by type. Money in won. */
export interface EventPayloads {
  'order.validated': { userId: number; couponId: number | null; due: number; discount: number };
  'order.rejected': { code: RefusalCode };
  'payment.failed': { code: RefusalCode };
  'balance.deducted': null;
  'balance.rejected': { code: RefusalCode };
  'balance.refunded': null;
  'stock.confirmed': null;
  'stock.rejected': { code: RefusalCode };
  'stock.released': null;
  'payment.completed': { paymentId: number; amount: number };
  /** `reason` where it was not a rule of the pivot: the deadline, or a person. */
  'payment.rejected': { code: RefusalCode; reason?: string };
  'payment.voided': null;
}
export type EventType = keyof EventPayloads;

/** A boundary speaks through its first step, except that what it says on success is its last step's. */
export const stepEvents: Readonly<Record<StepName, StepEvents>> = {
  validateOrder: { passed: 'order.validated', refused: 'order.rejected', undone: 'payment.failed' },
  applyCoupon: { passed: 'order.validated', refused: 'order.rejected', undone: 'payment.failed' },
  deductBalance: { passed: 'balance.deducted', refused: 'balance.rejected', undone: 'balance.refunded' },
  confirmStock: { passed: 'stock.confirmed', refused: 'stock.rejected', undone: 'stock.released' },
  createPayment: { passed: 'payment.completed', refused: 'payment.rejected', undone: 'payment.voided' },
};
