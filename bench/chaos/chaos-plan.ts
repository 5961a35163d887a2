import type { Services } from '../../runtime/services/services.ts';
import { type DatasetOptions, datasetOptions } from '../dataset/options.ts';
import { integer, randomOf, shuffled } from '../dataset/random.ts';
import { addedToBoundaries, bareScenario, type Scenario } from '../scenarios.ts';
import type { NotRun } from './chaos-result.ts';
import { type Fault, faults, type FaultName } from './faults.ts';
import type { FigureName } from './figures/figures.ts';
import type { Style } from './stack.ts';

export interface ChaosOptions {
  readonly faults: readonly FaultName[];
  readonly figures: readonly FigureName[];
  readonly styles: readonly Style[];
  readonly quick: boolean;
  readonly seed: number;
  readonly ratePerSecond: number;
  readonly sabotage: string | null;
  readonly out: string | null;
  readonly json: boolean;
}

/** Of one fault: when it comes, how long payments go on after it, and for how many seconds of load there are orders. */
const times = {
  quick: { earliestMs: 1_200, latestMs: 1_800, loadAfterSeconds: 2, longestLoadSeconds: 20 },
  default: { earliestMs: 2_000, latestMs: 3_500, loadAfterSeconds: 5, longestLoadSeconds: 30 },
} as const;

export const timesOf = ({ quick }: ChaosOptions) => times[quick ? 'quick' : 'default'];

/** Enough added time that sagas are open at any instant; refusals of each kind, and a product that one order in four wants. */
const failureShare = 0.05;
const hotShare = 0.25;

export const chaosScenario: Scenario = { ...bareScenario, name: 'chaos', addedMs: addedToBoundaries(10) };

export const chaosDataset = ({ seed }: ChaosOptions, orders: number): DatasetOptions =>
  datasetOptions({
    ...{ seed, orders, users: 2_000, products: 200, hotShare },
    ...{ lowBalanceShare: failureShare, lapsedShare: failureShare, usedCouponShare: failureShare },
    blockedShare: failureShare,
  });

/**
 * Which fault meets which style, and in which order: from the seed alone. A quick run gives each fault to one style, in turn.
 */
export function planChaos({ faults: names, styles, quick, seed }: ChaosOptions): Map<Style, Fault[]> {
  const chosen = faults.filter(({ name }) => names.includes(name));
  const random = randomOf(seed, 0);
  const inTurn = (i: number, style: Style) => !quick || styles[(i + seed) % styles.length] === style;
  return new Map(
    styles.map((style) => [style, shuffled(random, chosen.filter((_, i) => inTurn(i, style)))]), // prettier-ignore
  );
}

/** Seconds after the first payment, from the seed. */
export function momentOf({ name }: Fault, style: Style, options: ChaosOptions): number {
  const { earliestMs, latestMs } = timesOf(options);
  const stream = Buffer.from(`${style} ${name}`).reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7);
  return integer(randomOf(options.seed, stream), earliestMs, latestMs) / 1_000;
}

/** Why a fault cannot come here; undefined: it can. */
export function whyNot(
  { name, needs }: Fault,
  style: Style,
  { restart }: Pick<Services, 'restart'>,
): NotRun | undefined {
  if (needs === undefined || restart[needs] !== undefined) return undefined;
  const variable = { postgres: 'DATABASE_URL', redis: 'REDIS_URL' }[needs];
  return { fault: name, style, why: `${variable} names a server that is not this run's to restart or to empty` };
}
