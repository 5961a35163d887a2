import { planOrders } from '../../dataset/plan.ts';
import { runClosedLoop } from '../../load/closed-loop.ts';
import { requestTimeoutMs } from '../../load/loads.ts';
import { isFinal } from '../../load/operation.ts';
import { engineMetrics } from '../../measure/engine-metrics.ts';
import { difference } from '../../measure/metrics.ts';
import { openServerMeter } from '../../measure/servers.ts';
import { costOf } from '../../run/cost.ts';
import { readAll } from '../../run/reading.ts';
import type { Cost } from '../../result.ts';
import type { Style } from '../stack.ts';
import { type FigureContext, type FigureData, onArm, type Verified } from './figure-arm.ts';

/** `redisCommands` as Redis counts them: those that scripts call, too, and the heartbeat of an idle stack. */
type CostFigure = 'commits' | 'roundTrips' | 'walBytes' | 'fullPageImageBytes' | 'redisCommands';

/** What one payment costs when nobody shares its batch and nothing is delivered: one client, one payment after the other. */
export interface PaymentCost extends Verified, Pick<Cost, CostFigure> {
  readonly style: Style;
  readonly payments: number;
}

const warmUp = 50;
const payments = 400;
export const costOrders = warmUp + payments;
/** Of last resort: it ends when the orders are paid. */
const limitMs = 60_000;

export const measurePaymentCost = (
  data: FigureData,
  style: Style,
  context: FigureContext,
  signal: AbortSignal,
): Promise<PaymentCost> =>
  onArm(
    data,
    { style, delivers: false },
    context,
    async ({ arm, dataset }) => {
      const { redisUrl, pids } = context.services;
      const meter = await openServerMeter(arm.databaseUrl, redisUrl, pids);
      const pay = (from: number, to: number) => {
        const load = { urls: arm.urls, clients: 1, orders: [...planOrders(dataset, from, to)] };
        return runClosedLoop({ ...load, leadInMs: 0, windowMs: limitMs, requestTimeoutMs }, signal);
      };
      try {
        await pay(1, warmUp);
        const before = await readAll(arm, meter, signal);
        const { operations } = await pay(warmUp + 1, warmUp + payments);
        const after = await readAll(arm, meter, signal);
        const paid = operations.filter(isFinal).length;
        const counted = engineMetrics(difference(after.metrics, before.metrics));
        const { perPayment } = await costOf(before, after, counted, paid, meter);
        const { commits, roundTrips, walBytes, fullPageImageBytes, redisCommands } = perPayment;
        return { style, payments: paid, commits, roundTrips, walBytes, fullPageImageBytes, redisCommands };
      } finally {
        await meter.close();
      }
    },
    signal,
  );
