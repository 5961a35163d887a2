import { loadDataset } from '../../bench/dataset/load.ts';
import { datasetOptions } from '../../bench/dataset/options.ts';
import { type OrderPlan, planOrders } from '../../bench/dataset/plan.ts';
import { readUp } from './read-up.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from './services.ts';

/** A database with orders to pay, and the lists of payments that are made of them. */
export interface UserPaymentsStage {
  readonly database: FreshDatabase;
  readonly environment: {
    readonly DATABASE_URL: string;
    readonly REDIS_URL: string;
    readonly SAGASHIFT_KEY_PREFIX: string;
  };
  /** The plans of the next orders that nobody has paid yet. */
  take(count: number): OrderPlan[];
  /** What the lists say, and what the payments do. */
  projected(): Promise<unknown[]>;
  paid(): Promise<unknown[]>;
  /** Reads all that there is into the lists, so many rows at a time. */
  readUp(max: number): Promise<void>;
}

export const listColumns = 'user_id, payment_id, order_id, amount, paid_at';

const options = datasetOptions({
  users: 30,
  products: 10,
  orders: 300,
  couponShare: 0.3,
  lowBalanceShare: 0.06,
  lapsedShare: 0.06,
  blockedShare: 0.06,
});

export async function userPaymentsStage(): Promise<UserPaymentsStage> {
  const database = await freshDatabase();
  await loadDataset(database.url, options);
  const { pool } = database;
  const redis = freshRedis();
  const plans = [...planOrders(options)];
  let next = 0;
  return {
    database,
    environment: { DATABASE_URL: database.url, REDIS_URL: redis.url, SAGASHIFT_KEY_PREFIX: redis.prefix },
    take: (count) => plans.slice(next, (next += count)),
    projected: () => pool.query(`select ${listColumns} from user_payment order by payment_id`),
    paid: () =>
      pool.query(`select user_id, id as payment_id, order_id, amount, created_at as paid_at from payments order by id`),
    readUp: (max) => readUp(pool, max),
  };
}
