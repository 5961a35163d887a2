import type { LockResource } from './ports.ts';

/** The five steps of a payment, in order. Each is one SQL function beside its rules, with a lock and an undo. */
export const steps = [
  { letter: 'v', name: 'validateOrder', locks: 'order' },
  { letter: 'c', name: 'applyCoupon', locks: 'coupon' },
  { letter: 'b', name: 'deductBalance', locks: 'balance' },
  { letter: 's', name: 'confirmStock', locks: 'stock' },
  { letter: 'p', name: 'createPayment', locks: 'order' },
] as const satisfies readonly { letter: string; name: string; locks: LockResource }[];

export type Step = (typeof steps)[number];
export type StepName = Step['name'];

/** After its commit nothing can refuse any more, and it has no compensation. */
export const pivot: StepName = 'createPayment';
