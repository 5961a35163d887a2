import type { EngineName } from '../domain/engines.ts';
import type { StepName } from '../domain/steps.ts';

export type Skew =
  | { readonly kind: 'uniform' }
  | { readonly kind: 'zipf'; readonly theta: number }
  /** One product in this share of the orders. */
  | { readonly kind: 'hot'; readonly share: number };

/** Shares of the orders that a rule will refuse, by reason. */
export interface FailureShares {
  readonly poorBalance: number;
  readonly lapsedReservation: number;
  readonly usedCoupon: number;
  readonly blockedUser: number;
}

/** What runs in a scenario: an engine alone behind its router, or both sides behind one. */
export type ArmEngine = EngineName | 'coexist';

/** One row of the table of scenarios; every column is printed in the report. Times in milliseconds before time scale. */
export interface Scenario {
  readonly name: string;
  readonly sentence: string;
  readonly engines: readonly ArmEngine[];
  readonly clients: number;
  readonly skew: Skew;
  readonly users: number;
  readonly products: number;
  readonly addedMs: Readonly<Record<StepName, number>>;
  readonly outsideMs: number;
  readonly outsideTimeoutMs: number;
  readonly outsideFailureRate: number;
  /** `--time-scale` shrinks added, outside and time-out together. */
  readonly timeScaled: boolean;
  readonly failures: FailureShares;
  /** False: the sagas run one payment per transaction, as the monoliths do. */
  readonly batching: boolean;
  /** Of the users on the saga side, where a rollout decides. */
  readonly percentage: number | null;
  /** Payments a second that an arm is expected to stay below: how many orders are laid out for its rounds. */
  readonly ceilingPerSecond: number;
}

const everyEngine: readonly ArmEngine[] = ['legacy', 'legacy-lean', 'orchestration', 'choreography'];
const noAddedMs = { validateOrder: 0, applyCoupon: 0, deductBalance: 0, confirmStock: 0, createPayment: 0 };
const noFailures: FailureShares = { poorBalance: 0, lapsedReservation: 0, usedCoupon: 0, blockedUser: 0 };

/** Each boundary of the default cut takes so long at least: one step of each does. */
export const addedToBoundaries = (ms: number): Scenario['addedMs'] => ({
  ...{ validateOrder: ms, applyCoupon: 0, deductBalance: ms, confirmStock: ms, createPayment: ms },
});

/** What the others are changes of. */
export const bareScenario: Scenario = {
  name: 'bare',
  sentence: 'No added time, uniform products: what the designs themselves cost.',
  engines: everyEngine,
  clients: 64,
  skew: { kind: 'uniform' },
  users: 10_000,
  products: 1_000,
  addedMs: noAddedMs,
  outsideMs: 0,
  outsideTimeoutMs: 10_000,
  outsideFailureRate: 0,
  timeScaled: false,
  failures: noFailures,
  batching: true,
  percentage: null,
  ceilingPerSecond: 3_500,
};

const seed: Scenario = {
  ...bareScenario,
  name: 'seed',
  sentence: 'Processing times of 0.5, 0.3, 0.8 and 0.4 s and a 3 s outside call, at the time scale.',
  addedMs: { validateOrder: 500, applyCoupon: 0, deductBalance: 300, confirmStock: 800, createPayment: 400 },
  outsideMs: 3_000,
  timeScaled: true,
  ceilingPerSecond: 3_000,
};

export const scenarios: readonly Scenario[] = [
  bareScenario,
  seed,
  {
    ...seed,
    name: 'seed-unbatched',
    sentence: 'As seed, but the sagas run one payment per transaction: what of their gain is batching.',
    batching: false,
  },
  {
    ...seed,
    name: 'seed-no-call',
    sentence:
      'As seed, but the outside answers at once: what of the gain is the call that the monolith makes under its locks.',
    outsideMs: 0,
  },
  {
    ...seed,
    name: 'seed-real-time',
    sentence: 'As seed, at its own times: CPU and fsync are as small beside them as they would be there.',
    timeScaled: false,
    ceilingPerSecond: 200,
  },
  {
    ...bareScenario,
    name: 'zipf',
    sentence: 'Products drawn from a Zipf distribution, theta 0.99: some much more wanted than others.',
    skew: { kind: 'zipf', theta: 0.99 },
  },
  {
    ...bareScenario,
    name: 'hot-product',
    sentence: 'One product in nine of ten orders, and an outside call of 20 ms.',
    skew: { kind: 'hot', share: 0.9 },
    outsideMs: 20,
  },
  {
    ...bareScenario,
    name: 'failures',
    sentence:
      'One order in five ends in a refusal: too little balance, lapsed reservation, used coupon, blocked user, 5 % each; 1 % of outside calls fail.',
    outsideFailureRate: 0.01,
    failures: { poorBalance: 0.05, lapsedReservation: 0.05, usedCoupon: 0.05, blockedUser: 0.05 },
    ceilingPerSecond: 3_000,
  },
  {
    ...bareScenario,
    name: 'coexist',
    sentence:
      'One router sends half of the users to the monolith and half to the saga; both change the same hot products.',
    engines: ['coexist'],
    skew: { kind: 'hot', share: 0.9 },
    percentage: 50,
    ceilingPerSecond: 1_500,
  },
];

export const defaultScenarios: readonly string[] = ['bare', 'seed', 'hot-product', 'failures', 'coexist'];
/** What --full runs: that, and what tells the parts of the seed's gain apart. */
export const fullScenarios: readonly string[] = [
  ...defaultScenarios,
  'seed-unbatched',
  'seed-no-call',
  'seed-real-time',
];

export const findScenario = (name: string): Scenario | undefined => scenarios.find((row) => row.name === name);

export interface TimeOptions {
  readonly timeScale: number;
  /** Replaces the scenario's outside call; not scaled. */
  readonly outsideMs: number | null;
  readonly clients: number | null;
}

/** The scenario as it will run, its times scaled and the command line's overrides in place. */
export function fitted(row: Scenario, { timeScale, outsideMs, clients }: TimeOptions): Scenario {
  const scale = row.timeScaled ? timeScale : 1;
  const scaled = (ms: number) => Number((ms * scale).toFixed(3));
  return {
    ...row,
    clients: clients ?? row.clients,
    addedMs: {
      validateOrder: scaled(row.addedMs.validateOrder),
      applyCoupon: scaled(row.addedMs.applyCoupon),
      deductBalance: scaled(row.addedMs.deductBalance),
      confirmStock: scaled(row.addedMs.confirmStock),
      createPayment: scaled(row.addedMs.createPayment),
    },
    outsideMs: outsideMs ?? scaled(row.outsideMs),
    outsideTimeoutMs: Math.max(1, Math.round(scaled(row.outsideTimeoutMs))),
  };
}
