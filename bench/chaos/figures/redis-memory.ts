import { openRedis, type Redis } from '../../../runtime/redis.ts';
import { planOrders } from '../../dataset/plan.ts';
import { runClosedLoop } from '../../load/closed-loop.ts';
import { requestTimeoutMs } from '../../load/loads.ts';
import { isFinal } from '../../load/operation.ts';
import { bareScenario } from '../../scenarios.ts';
import type { Style } from '../stack.ts';
import { type FigureContext, type FigureData, onArm, type Verified } from './figure-arm.ts';

/** Memory that Redis uses, as it says itself, after so many payments; nothing is asked for at that moment. */
export interface MemoryReading {
  readonly payments: number;
  readonly bytes: number;
}

/** Whether what is finished leaves Redis again. */
export interface RedisMemory extends Verified {
  readonly style: Style;
  readonly payments: number;
  readonly readings: readonly MemoryReading[];
  /** The most over the least, less one, over all readings. */
  readonly spread: number;
}

export const memoryPayments = 200_000;
const slices = 20;
/** Of a slice, and of last resort: it ends when its orders are paid. */
const limitMs = 600_000;

/** All orders of the data are paid. */
export const measureRedisMemory = (
  data: FigureData,
  style: Style,
  context: FigureContext,
  signal: AbortSignal,
): Promise<RedisMemory> =>
  onArm(
    data,
    { style, delivers: true },
    context,
    async ({ arm, dataset }) => {
      const redis = openRedis(context.services.redisUrl, 'sagashift-bench-memory');
      const readings: MemoryReading[] = [];
      const { orders: payments } = dataset;
      const each = payments / slices;
      let paid = 0;
      try {
        for (let slice = 0; slice < slices; slice++) {
          const orders = [...planOrders(dataset, slice * each + 1, (slice + 1) * each)];
          const load = { urls: arm.urls, clients: bareScenario.clients, orders, leadInMs: 0, windowMs: limitMs };
          const { operations } = await runClosedLoop({ ...load, requestTimeoutMs }, signal);
          paid += operations.filter(isFinal).length;
          readings.push({ payments: paid, bytes: await usedMemory(redis) });
          context.progress.now(`${style}: memory of Redis after ${paid} of ${payments} payments`);
        }
      } finally {
        redis.disconnect();
      }
      return { style, payments: paid, readings, spread: spreadOf(readings.map(({ bytes }) => bytes)) };
    },
    signal,
  );

export const spreadOf = (values: readonly number[]): number => Math.max(...values) / Math.min(...values) - 1;

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1] ?? Number.NaN);
}
