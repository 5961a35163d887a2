import type { RefusalCode } from '../domain/errors.ts';
import type { Answer, PaymentEngine, PayOrder } from '../domain/payment-engine.ts';
import type { LockResource } from '../domain/ports.ts';
import { steps } from '../domain/steps.ts';
import { openPool, type Pool } from '../runtime/database.ts';
import type { EnginePorts } from '../runtime/engine-ports.ts';
import { type RetryOptions, withRetry } from '../runtime/retry.ts';
import { type Figures, newFigures } from './figures.ts';
import { type LockTimes, type Paid, payOrder, refuseOrder } from './lean-sql.ts';
import { payWithoutCommit } from './sabotage.ts';
import { createSlots } from './slots.ts';
import { answerOf, storedRoute } from './verdict.ts';
import { createWorkInHand } from './work-in-hand.ts';

const name = 'legacy-lean';
const timeoutMs = 30_000;

/**
 * What a good engineer would do without a saga: the whole payment in one SQL call, one round trip, one transaction.
 * A refusal rolls back and is written by a second, short one.
 */
export function createLeanEngine({ config, metrics }: EnginePorts): PaymentEngine {
  const inHand = createWorkInHand();
  const slots = createSlots(config.dbConnections);
  const addedMs = steps.map(({ name: step }) => config.addedMs[step]);
  const answersTooEarly = config.sabotage === 'answer-before-commit';
  let pool: Pool | undefined;
  let payments = 0;

  async function pay(db: Pool, command: PayOrder, signal: AbortSignal): Promise<Answer> {
    const figures = newFigures(metrics, name);
    const commits = !answersTooEarly || ++payments % 50 !== 0;
    const call = () => (commits ? payOrder(db, command, name, addedMs) : payWithoutCommit(db, command, name));
    const outcome = await transact('payment', figures, call, { signal, metrics });
    return typeof outcome === 'string' ? refuse(db, command, outcome, figures) : answer(outcome, figures);
  }

  const transact = <T extends object | string>(
    tx: string,
    figures: Figures,
    call: () => Promise<T>,
    retry: RetryOptions,
  ): Promise<T> => withRetry(() => slots.run(() => figures.transaction(tx, () => timed(figures, call))), retry);

  function answer(paid: Paid, figures: Figures): Answer {
    if (paid.replayed || paid.payment_id === null || paid.amount === null) return answerOf(paid);
    figures.finish();
    return { kind: 'paid', paymentId: paid.payment_id, amount: paid.amount, engine: name, route: storedRoute(paid) };
  }

  // Without the request's signal: the rule has spoken, and the order must not stay open because a client went away.
  async function refuse(db: Pool, command: PayOrder, code: RefusalCode, figures: Figures): Promise<Answer> {
    const refused = await transact('refusal', figures, () => refuseOrder(db, command, name, code), { metrics });
    if (refused.replayed) return answerOf(refused);
    figures.finish();
    return { kind: 'refused', code, engine: name, route: storedRoute(refused) };
  }

  return {
    name,
    start() {
      pool ??= openPool(
        {
          url: config.databaseUrl,
          size: config.dbConnections,
          timeoutMs,
          pinnedPlans: true,
          applicationName: `sagashift ${name}`,
        },
        metrics,
      );
      return Promise.resolve();
    },
    submit(command, signal) {
      if (pool === undefined) return Promise.reject(new Error(`${name} is not running`));
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      return Promise.resolve({ settled: inHand.add(pay(pool, command, signal)) });
    },
    async stop() {
      const db = pool;
      pool = undefined;
      await inHand.settled();
      await db?.close();
    },
  };
}

const lockedAt: readonly {
  readonly resource: LockResource;
  readonly at: keyof LockTimes;
  readonly wait?: keyof LockTimes;
}[] = [
  { resource: 'order', at: 'order_locked_at_us' },
  { resource: 'coupon', at: 'coupon_locked_at_us' },
  { resource: 'balance', at: 'balance_locked_at_us', wait: 'balance_wait_us' },
  { resource: 'stock', at: 'stock_locked_at_us', wait: 'stock_wait_us' },
];

/**
 * The call reports when it held each lock, counted from its start; its response is the COMMIT's. A call that was rolled
 * back, or wrote a refusal, reports nothing: the order counts as locked for the whole of it, which is the most it can be.
 */
async function timed<Outcome extends object | string>(
  figures: Figures,
  call: () => Promise<Outcome>,
): Promise<Outcome> {
  const from = performance.now();
  const outcome = await call();
  const to = performance.now();
  if (typeof outcome !== 'object' || !('order_locked_at_us' in outcome)) {
    figures.held('order', 'row', { from, to });
    return outcome;
  }
  const times = outcome as Partial<LockTimes>;
  for (const { resource, at, wait } of lockedAt) {
    const [lockedUs, waitUs] = [times[at], wait === undefined ? undefined : times[wait]];
    if (typeof lockedUs === 'number')
      figures.held(resource, 'row', { from: Math.min(to, from + lockedUs / 1_000), to });
    if (typeof waitUs === 'number') figures.waited(resource, 'row', waitUs / 1_000);
  }
  return outcome;
}
