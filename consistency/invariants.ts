import { balanceInvariants } from './balance.ts';
import { couponInvariants } from './coupon.ts';
import { deliveryInvariants } from './delivery.ts';
import { eventInvariants } from './event.ts';
import type { Invariant } from './invariant.ts';
import { orderInvariants } from './order.ts';
import { sagaInvariants } from './saga.ts';
import { stockInvariants } from './stock.ts';

/** What must be true of any database of ours. Explained one by one in docs/consistency.md. */
export const invariants: readonly Invariant[] = [
  ...balanceInvariants,
  ...stockInvariants,
  ...orderInvariants,
  ...couponInvariants,
  ...sagaInvariants,
  ...eventInvariants,
  ...deliveryInvariants,
];
