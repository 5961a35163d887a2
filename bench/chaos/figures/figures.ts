import { type DeliveryRate, measureDeliveryRate } from '../../measure/delivery-rate.ts';
import type { Style } from '../stack.ts';
import { type FigureContext, type FigureData, layOut } from './figure-arm.ts';
import { costOrders, measurePaymentCost, type PaymentCost } from './payment-cost.ts';
import { measureRedisMemory, memoryPayments, type RedisMemory } from './redis-memory.ts';

/** What is promised of the sagas and no fault shows: measured with the same parts, in the same run. */
export interface Figures {
  readonly cost: readonly PaymentCost[];
  readonly relay: DeliveryRate | null;
  readonly memory: readonly RedisMemory[];
}

export type FigureName = keyof Figures;

export const noFigures: Figures = { cost: [], relay: null, memory: [] };

interface FigureRow {
  readonly name: FigureName;
  readonly title: string;
  /** Minutes, not seconds: only when it is asked for. */
  readonly long: boolean;
  /** What has been measured by then is kept when a later part fails. */
  readonly measure: (
    context: FigureContext,
    keep: (part: Partial<Figures>) => void,
    signal: AbortSignal,
  ) => Promise<void>;
}

export const figures: readonly FigureRow[] = [
  {
    name: 'cost',
    title: 'what a payment alone costs',
    long: false,
    measure: (context, keep, signal) =>
      eachStyle({ what: 'cost', orders: costOrders, measure: measurePaymentCost }, context, (cost) => { keep({ cost }); }, signal), // prettier-ignore
  },
  {
    name: 'relay',
    title: 'how fast a relay works off a backlog',
    long: false,
    measure: async (context, keep, signal) => {
      keep({ relay: await relay(context, signal) });
    },
  },
  {
    name: 'memory',
    title: `memory of Redis over ${memoryPayments} payments`,
    long: true,
    measure: (context, keep, signal) =>
      eachStyle({ what: 'memory', orders: memoryPayments, measure: measureRedisMemory }, context, (memory) => { keep({ memory }); }, signal), // prettier-ignore
  },
];

interface StyleFigure<Measured> {
  readonly what: string;
  readonly orders: number;
  readonly measure: (data: FigureData, style: Style, context: FigureContext, signal: AbortSignal) => Promise<Measured>;
}

/** One style after the other, each on a clone of the same data. */
async function eachStyle<Measured>(
  { what, orders, measure }: StyleFigure<Measured>,
  context: FigureContext,
  keep: (all: readonly Measured[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const data = await layOut(what, orders, context, signal);
  const all: Measured[] = [];
  for (const style of context.options.styles) {
    all.push(await measure(data, style, context, signal));
    keep([...all]);
  }
  await context.databases.drop(what);
}

/** The data platform refuses more in one request. */
export const relayBatch = 100;
const backlog = { events: 60_000, targets: ['data-platform'], latencyMs: 0 } as const;

async function relay(context: FigureContext, signal: AbortSignal): Promise<DeliveryRate> {
  const { databases, services, keyPrefix, onSpawn } = context;
  const { template } = await layOut('relay', 1, context, signal);
  const databaseUrl = await databases.clone(template, 'arm');
  const places = { databaseUrl, redisUrl: services.redisUrl, keyPrefix: `${keyPrefix}:relay` };
  const rate = await measureDeliveryRate(backlog, places, onSpawn, signal);
  await databases.drop('relay');
  return rate;
}
