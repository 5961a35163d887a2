import { type DatasetOptions, datasetOptions } from '../../bench/dataset/options.ts';
import type { OrderPlan } from '../../bench/dataset/plan.ts';
import { type Paid, payLean } from '../../consistency/self-test/pay-at-once.ts';
import { paySagas } from '../../consistency/self-test/pay-sagas.ts';
import type { Pool } from '../../runtime/database.ts';

/** So many orders that end in every way there is: most are paid, and each reason to refuse one has its share. */
export const everyEnd = (orders: number): DatasetOptions =>
  datasetOptions({
    ...{ users: 60, products: 12, orders, couponShare: 0.4 },
    ...{ lowBalanceShare: 0.06, lapsedShare: 0.06, usedCouponShare: 0.06, blockedShare: 0.06 },
  });

/** `each` of the plans by the lean monolith, as many by orchestration and by choreography. */
export async function payEach(db: Pool, plans: readonly OrderPlan[], each: number): Promise<Paid[]> {
  const lean: Paid[] = [];
  for (const plan of plans.slice(0, each)) lean.push(await payLean(db, plan));
  return [
    ...lean,
    ...(await paySagas(db, plans.slice(each, 2 * each), 'orchestration')),
    ...(await paySagas(db, plans.slice(2 * each, 3 * each), 'choreography')),
  ];
}
