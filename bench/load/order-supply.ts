import type { OrderPlan } from '../dataset/plan.ts';

/** The orders of one round, each handed out once. */
export interface OrderSupply {
  /** Undefined when all are gone. */
  next(): OrderPlan | undefined;
  readonly used: number;
  readonly ranOut: boolean;
}

export function supplyOf(plans: readonly OrderPlan[]): OrderSupply {
  let used = 0;
  let ranOut = false;
  return {
    next() {
      const plan = plans[used];
      if (plan === undefined) ranOut = true;
      else used += 1;
      return plan;
    },
    get used() {
      return used;
    },
    get ranOut() {
      return ranOut;
    },
  };
}
