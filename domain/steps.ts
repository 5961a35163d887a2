import type { LockResource } from './ports.ts';
import type { SagaStep } from './saga-definition.ts';

interface PaymentStep extends SagaStep {
  readonly letter: string;
  readonly locks: LockResource;
}

/**
 * The five steps of a payment, in order. Each is one SQL function beside its rules, with a lock and an undo. The pivot's
 * undo is no compensation: it only takes the receipt, so that a late payment is not made.
 */
export const steps = [
  {
    letter: 'v',
    name: 'validateOrder',
    kind: 'compensatable',
    compensation: 'undo_validate_order',
    locks: 'order',
  },
  { letter: 'c', name: 'applyCoupon', kind: 'compensatable', compensation: 'undo_apply_coupon', locks: 'coupon' },
  { letter: 'b', name: 'deductBalance', kind: 'compensatable', compensation: 'undo_deduct_balance', locks: 'balance' },
  { letter: 's', name: 'confirmStock', kind: 'compensatable', compensation: 'undo_confirm_stock', locks: 'stock' },
  { letter: 'p', name: 'createPayment', kind: 'pivot', compensation: null, locks: 'order' },
] as const satisfies readonly PaymentStep[];

export type StepName = (typeof steps)[number]['name'];
export interface Step extends PaymentStep {
  readonly name: StepName;
}
