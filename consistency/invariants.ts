import { balanceInvariants } from './catalogue/balance.ts';
import { couponInvariants } from './catalogue/coupon.ts';
import { deliveryInvariants } from './catalogue/delivery.ts';
import { eventInvariants } from './catalogue/event.ts';
import type { Invariant } from './catalogue/invariant.ts';
import { orderInvariants } from './catalogue/order.ts';
import { routeInvariants } from './catalogue/route.ts';
import { sagaInvariants } from './catalogue/saga.ts';
import { stockInvariants } from './catalogue/stock.ts';

/** What must be true of any database of ours. Explained one by one in docs/consistency.md. */
export const invariants: readonly Invariant[] = [
  ...balanceInvariants,
  ...stockInvariants,
  ...orderInvariants,
  ...couponInvariants,
  ...sagaInvariants,
  ...eventInvariants,
  ...deliveryInvariants,
  ...routeInvariants,
];
