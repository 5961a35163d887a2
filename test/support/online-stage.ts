import { afterAll, beforeAll } from '@jest/globals';
import { loadDataset } from '../../bench/dataset/load.ts';
import { type OrderPlan, planOrders } from '../../bench/dataset/plan.ts';
import { begin } from '../../consistency/online/begin.ts';
import type { CycleResult, Position } from '../../consistency/online/cycle.ts';
import { everyEnd, payEach } from './every-end.ts';
import { type FreshDatabase, freshDatabase } from './services.ts';

/** What an online verifier finds when it comes. Read `database` and `start` in tests: before them there is neither. */
export interface OnlineStage {
  readonly database: FreshDatabase;
  /** Behind all that was paid. */
  readonly start: Position;
  readonly plans: readonly OrderPlan[];
}

/** Of this file's own: `each` orders paid by each of three engines, and `more` that nobody has asked for. Call it once, outside of tests. */
export function onlineStage(each: number, more: number): OnlineStage {
  const options = everyEnd(3 * each + more);
  const plans = [...planOrders(options)];
  const made = {} as { database: FreshDatabase; start: Position };
  beforeAll(async () => {
    made.database = await freshDatabase();
    await loadDataset(made.database.url, options);
    await payEach(made.database.pool, plans, each);
    await made.database.pool.query(`update external_event_log set status = 'SENT'`);
    [made.start] = await begin(made.database.pool);
  });
  afterAll(() => made.database.drop());
  return Object.assign(made, { plans });
}

/** The codes of what was found. */
export const codesIn = ({ found }: Pick<CycleResult, 'found'>): string[] => [
  ...new Set(found.map(({ invariant }) => invariant.code)),
];
