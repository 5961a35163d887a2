import { balanceMutants } from './mutants/balance.ts';
import { couponMutants } from './mutants/coupon.ts';
import { deliveryMutants } from './mutants/delivery.ts';
import { eventMutants } from './mutants/event.ts';
import { orderMutants } from './mutants/order.ts';
import { routeMutants } from './mutants/route.ts';
import { sagaMutants } from './mutants/saga.ts';
import { stockMutants } from './mutants/stock.ts';
import type { Mutant } from './mutants/mutant.ts';

/** At least one for every invariant. */
export const mutants: readonly Mutant[] = [
  ...balanceMutants,
  ...stockMutants,
  ...orderMutants,
  ...couponMutants,
  ...sagaMutants,
  ...eventMutants,
  ...deliveryMutants,
  ...routeMutants,
];
