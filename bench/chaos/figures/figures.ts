import { type DeliveryRate, measureDeliveryRate } from '../../measure/delivery-rate.ts';
import { datasetOptions } from '../../dataset/options.ts';
import type { FigureContext } from './figure-arm.ts';
import { measurePaymentCost, type PaymentCost } from './payment-cost.ts';
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
      eachStyle(context, (style) => measurePaymentCost(style, context, signal), (cost) => {
        keep({ cost });
      }), // prettier-ignore
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
      eachStyle(context, (style) => measureRedisMemory({ style, payments: memoryPayments }, context, signal), (memory) => {
        keep({ memory });
      }), // prettier-ignore
  },
];

async function eachStyle<Measured>(
  { styles }: FigureContext,
  measure: (style: FigureContext['styles'][number]) => Promise<Measured>,
  keep: (all: readonly Measured[]) => void,
): Promise<void> {
  const all: Measured[] = [];
  for (const style of styles) {
    all.push(await measure(style));
    keep([...all]);
  }
}

/** The data platform refuses more in one request. */
export const relayBatch = 100;
const backlog = { events: 60_000, targets: ['data-platform'], latencyMs: 0 } as const;

async function relay(
  { databases, services, keyPrefix, seed, onSpawn }: FigureContext,
  signal: AbortSignal,
): Promise<DeliveryRate> {
  const databaseUrl = await databases.clone(
    await databases.template('relay', datasetOptions({ seed, orders: 1, users: 3, products: 1 }), signal),
    'arm',
  );
  const places = { databaseUrl, redisUrl: services.redisUrl, keyPrefix: `${keyPrefix}:relay` };
  const rate = await measureDeliveryRate(backlog, places, onSpawn, signal);
  await databases.drop('relay');
  return rate;
}
