import { setTimeout as sleep } from 'node:timers/promises';
import { Transaction } from 'sequelize';
import { Rejection } from '../domain/errors.ts';
import type { Answer, PayOrder } from '../domain/payment-engine.ts';
import { steps } from '../domain/steps.ts';
import type { Config } from '../runtime/config.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { withRetry } from '../runtime/retry.ts';
import { type PaymentCompleted, tellDataPlatform } from './data-platform-call.ts';
import type { EntityDatabase } from './entity-database.ts';
import { refuseOrder } from './entity-refusal.ts';
import { type EntityPayment, entitySteps } from './entity-steps.ts';
import { type Figures, newFigures } from './figures.ts';
import { LockWaitExceeded, type LockListener, type PaymentLocks } from './redis-locks.ts';
import { timeRowLocks } from './row-locks.ts';
import { answerOf, claimValues, storedRoute, type Verdict } from './verdict.ts';

export interface MonolithPorts {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly db: EntityDatabase;
  readonly beginLocks: (listener: LockListener) => PaymentLocks;
}

/** A second request of an order in work is told so after this, not left waiting. */
const orderLockWaitMs = 300;

/** Returns `pay`: Redis locks around one transaction around everything, the call to the outside included. */
export function monolith(engine: string, { config, metrics, db, beginLocks }: MonolithPorts) {
  const rowLock = config.sabotage === 'row-locks-off' ? {} : { lock: Transaction.LOCK.UPDATE };

  return async function pay(command: PayOrder, signal: AbortSignal): Promise<Answer> {
    const figures = newFigures(metrics, engine);
    const locks = beginLocks({ ...figures, lost: () => metrics.lockLost.inc({ engine }) });
    let answer: Answer | undefined;
    try {
      if (!(await locks.take('order', `payment-${command.orderId}`, orderLockWaitMs, signal))) {
        return { kind: 'unchanged', code: 'PAYMENT_IN_PROGRESS' };
      }
      await lockWhatItChanges(command, locks, signal);
      return (answer = await payUnderLocks(command, figures, signal));
    } finally {
      await locks.release();
      if (answer !== undefined && isFirstFinal(answer)) figures.finish();
    }
  };

  /** Balance, then products in order. An order that can't be paid is not worth a lock: `claim_routes` has its answer. */
  async function lockWhatItChanges(
    { orderId, userId }: PayOrder,
    locks: PaymentLocks,
    signal: AbortSignal,
  ): Promise<void> {
    const order = await db.entities.Order.findByPk(orderId);
    if (order?.userId !== userId || order.status !== 'PENDING') return;
    const items = await db.entities.OrderItem.findAll({ where: { orderId } });
    const products = items.map(({ productId }) => productId).sort((a, b) => a - b);
    await takeOrFail('balance', `balance-${userId}`);
    for (const product of products) await takeOrFail('stock', `stock-${product}`);

    async function takeOrFail(resource: 'balance' | 'stock', key: string): Promise<void> {
      if (await locks.take(resource, key, config.redlock.waitLimitMs, signal)) return;
      throw new LockWaitExceeded(`the lock ${key} was not to be had for ${config.redlock.waitLimitMs} ms`);
    }
  }

  async function payUnderLocks(command: PayOrder, figures: Figures, signal: AbortSignal): Promise<Answer> {
    let discount = 0;
    try {
      return await claimed('payment', command, figures, signal, async (payment, verdict) => {
        discount = 0; // of an earlier try
        for (const { name } of steps) {
          await spending(config.addedMs[name], entitySteps[name](payment));
          discount = payment.discount;
        }
        const { due: amount, paymentId = 0 } = payment;
        await tellOutside({ paymentId, orderId: command.orderId, userId: command.userId, amount });
        return { kind: 'paid', paymentId, amount, engine, route: storedRoute(verdict) };
      });
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      const { code } = error;
      // Without the request's signal: the rule has spoken, and the order must not stay open because a client went away.
      return claimed('refusal', command, figures, undefined, async (payment, verdict) => {
        await refuseOrder({ ...payment, code, discount });
        return { kind: 'refused', code, engine, route: storedRoute(verdict) };
      });
    }
  }

  async function tellOutside(payment: PaymentCompleted): Promise<void> {
    const { dataPlatformUrl: baseUrl, outsideTimeoutMs: timeoutMs } = config;
    if (baseUrl !== undefined)
      await tellDataPlatform(payment, { baseUrl, source: config.source ?? engine, timeoutMs, metrics });
  }

  /** One transaction that starts with the claim of the order; whoever already has a claim gets its answer instead. */
  function claimed(
    tx: string,
    command: PayOrder,
    figures: Figures,
    signal: AbortSignal | undefined,
    work: (payment: EntityPayment, verdict: Verdict) => Promise<Answer>,
  ): Promise<Answer> {
    const once = async (): Promise<Answer> => {
      const rowLocks = timeRowLocks(figures);
      const transact = (begun: () => void) =>
        db.transaction(async (transaction) => {
          begun();
          const verdict = await claim(command, transaction);
          if (verdict.verdict !== 'CLAIMED') return answerOf(verdict);
          const read = { transaction, ...rowLock };
          const { entities } = db;
          return work(
            { entities, command, engine, read, transaction, rowLocks, items: [], due: 0, discount: 0 },
            verdict,
          );
        });
      try {
        return await figures.transaction(tx, transact);
      } finally {
        rowLocks.released();
      }
    };
    return withRetry(once, signal === undefined ? { metrics } : { metrics, signal });
  }

  async function claim(command: PayOrder, transaction: Transaction): Promise<Verdict> {
    const [verdict] = await db.query<Verdict>(
      `select * from claim_routes(array[$1::bigint], array[$2::bigint], array[$3::bigint], array[$4::text], array[$5::text],
         array[$6::int], array[$7::bigint])`,
      claimValues(command),
      transaction,
    );
    if (verdict === undefined) throw new Error('claim_routes answered without a row');
    return verdict;
  }
}

/** A step takes its processing time whether it passes or refuses. */
async function spending(ms: number, step: Promise<void>): Promise<void> {
  try {
    await step;
  } finally {
    if (ms > 0) await sleep(ms);
  }
}

const isFirstFinal = (answer: Answer): boolean =>
  (answer.kind === 'paid' || answer.kind === 'refused') && answer.replayed !== true;
