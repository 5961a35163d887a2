import { randomOf, shuffled } from './dataset/random.ts';
import type { DatasetOptions } from './dataset/options.ts';
import type { ArmPlan } from './arms/arm.ts';
import { isOpenLoop, openLoopClients, shortestOpenLoopSeconds } from './load/loads.ts';
import type { Mode, RunOptions } from './options.ts';
import { type ArmEngine, findScenario, fitted, type Scenario } from './scenarios.ts';

interface ModeRow {
  readonly rounds: number;
  readonly windowSeconds: number;
  readonly shortestWindowSeconds: number;
  readonly leadInSeconds: number;
  /** Payments before the first round, so that no round meets cold code. */
  readonly warmUpSeconds: number;
  /** The whole run, start of the services included; null: it takes what it takes. */
  readonly budgetSeconds: number | null;
}

export const modes: Readonly<Record<Mode, ModeRow>> = {
  quick: {
    rounds: 1,
    windowSeconds: 1,
    shortestWindowSeconds: 0.6,
    leadInSeconds: 0.3,
    warmUpSeconds: 0.4,
    budgetSeconds: 90,
  },
  default: {
    rounds: 3,
    windowSeconds: 4,
    shortestWindowSeconds: 1.5,
    leadInSeconds: 0.5,
    warmUpSeconds: 1,
    budgetSeconds: 420,
  },
  full: {
    rounds: 10,
    windowSeconds: 8,
    shortestWindowSeconds: 8,
    leadInSeconds: 1,
    warmUpSeconds: 2,
    budgetSeconds: null,
  },
};

/** Expected cost in seconds of what is not measured; on the 2-core machine this was developed on. */
const overhead = { services: 3, schema: 3, scenario: 3, arm: 1.5, round: 0.5, verification: 0.5 } as const;

export interface ScenarioPlan {
  readonly scenario: Scenario;
  readonly arms: readonly ArmPlan[];
  readonly ordersPerRound: number;
  /** The first ones, paid before the first round. */
  readonly warmUpOrders: number;
  /** A closed loop warms up whatever is measured by: it finds the size of batches and pools sooner. */
  readonly warmUpClients: number;
  readonly dataset: DatasetOptions;
}

export interface Plan {
  readonly mode: Mode;
  readonly rounds: number;
  readonly windowSeconds: number;
  readonly leadInSeconds: number;
  readonly warmUpSeconds: number;
  readonly scenarios: readonly ScenarioPlan[];
  readonly expectedSeconds: number;
  readonly budgetSeconds: number | null;
  readonly seed: number;
}

export function planRun(options: RunOptions): Plan {
  const mode = modes[options.mode];
  const rounds = options.rounds ?? mode.rounds;
  const windowSeconds = options.windowSeconds ?? mode.windowSeconds;
  const rows = options.scenarios.flatMap((name) => findScenario(name) ?? []);
  const scenarios = rows
    .map((row) => planScenario(row, options, rounds, windowSeconds))
    .filter(({ arms }) => arms.length > 0);
  // What was asked for in rounds or seconds is done, however long it takes.
  const asked = options.rounds !== null || options.windowSeconds !== null;
  const budgetSeconds = asked ? null : mode.budgetSeconds;
  const plan = {
    mode: options.mode,
    rounds,
    windowSeconds,
    leadInSeconds: mode.leadInSeconds,
    warmUpSeconds: mode.warmUpSeconds,
    scenarios,
    budgetSeconds,
    seed: options.seed,
  };
  return { ...plan, expectedSeconds: expectedSeconds(plan) };
}

/** An arrival at the first moment, one at the last, and a tick that is rounded. */
const sparePerRound = 3;

function planScenario(row: Scenario, options: RunOptions, rounds: number, windowSeconds: number): ScenarioPlan {
  const clients = options.clients ?? (isOpenLoop(options.load) ? openLoopClients : row.clients);
  const scenario = fitted(row, { ...options, clients });
  const arms = armsOf(scenario, options);
  const { leadInSeconds, warmUpSeconds } = modes[options.mode];
  const warmUpClients = Math.min(scenario.clients, row.clients);
  const closedLoop = (seconds: number, clients: number) => Math.ceil(scenario.ceilingPerSecond * seconds) + clients;
  const seconds = leadInSeconds + windowSeconds;
  const ordersPerRound =
    options.ratePerSecond === null
      ? closedLoop(seconds, scenario.clients)
      : Math.ceil(options.ratePerSecond * Math.max(seconds, shortestOpenLoopSeconds)) + sparePerRound;
  const warmUpOrders = closedLoop(warmUpSeconds, warmUpClients);
  return {
    scenario,
    arms,
    ordersPerRound,
    warmUpOrders,
    warmUpClients,
    dataset: datasetOf(scenario, ordersPerRound * rounds + warmUpOrders, options.seed),
  };
}

function armsOf(scenario: Scenario, options: RunOptions): ArmPlan[] {
  const wanted = scenario.engines.filter((engine) => engine === 'coexist' || options.engines.includes(engine));
  const arms = wanted.map((engine) => ({ name: engine, engine, control: false }));
  const copied = controlEngine(wanted);
  return options.mode === 'full' && copied !== undefined
    ? [...arms, { name: `${copied} (A/A)`, engine: copied, control: true }]
    : arms;
}

/** The engine that runs twice: the one all headlines are given against, if it takes part. */
const controlEngine = (engines: readonly ArmEngine[]): ArmEngine | undefined =>
  engines.includes('coexist') ? undefined : (engines.find((engine) => engine === 'legacy-lean') ?? engines[0]);

const datasetOf = (scenario: Scenario, orders: number, seed: number): DatasetOptions => ({
  seed,
  users: scenario.users,
  products: scenario.products,
  orders,
  zipfTheta: scenario.skew.kind === 'zipf' ? scenario.skew.theta : 0,
  hotShare: scenario.skew.kind === 'hot' ? scenario.skew.share : 0,
  couponShare: 0.2,
  vipShare: 0.05,
  lowBalanceShare: scenario.failures.poorBalance,
  lapsedShare: scenario.failures.lapsedReservation,
  usedCouponShare: scenario.failures.usedCoupon,
  blockedShare: scenario.failures.blockedUser,
});

function expectedSeconds({
  scenarios,
  rounds,
  windowSeconds,
  leadInSeconds,
  warmUpSeconds,
}: Omit<Plan, 'expectedSeconds'>): number {
  const ofScenario = ({ arms }: ScenarioPlan) =>
    overhead.scenario +
    arms.length *
      (overhead.arm +
        warmUpSeconds +
        overhead.verification +
        rounds * (leadInSeconds + windowSeconds + overhead.round));
  return overhead.services + overhead.schema + scenarios.reduce((sum, one) => sum + ofScenario(one), 0);
}

/** The order of the arms in a round: every arm is first, second .. about as often, and the seed reproduces it. */
export const orderOfArms = (plan: ScenarioPlan, round: number, seed: number): ArmPlan[] =>
  shuffled(randomOf(seed + round, textHash(plan.scenario.name)), plan.arms);

const textHash = (text: string): number =>
  Buffer.from(text).reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7);

/**
 * Seconds to measure in each round of the next scenarios so that the run ends within its budget: what is left, less what
 * the rest costs beside measuring, spread over the rounds. The same for every arm of a scenario, or it would not be fair.
 */
export function fitWindow(plan: Plan, next: number, spentSeconds: number): number {
  if (plan.budgetSeconds === null) return plan.windowSeconds;
  const rest = plan.scenarios.slice(next);
  const rounds = rest.reduce((sum, { arms }) => sum + arms.length * plan.rounds, 0);
  const beside = expectedSeconds({ ...plan, scenarios: rest, windowSeconds: 0 }) - overhead.services - overhead.schema;
  const room = (plan.budgetSeconds - spentSeconds - beside) / Math.max(1, rounds);
  return Math.max(modes[plan.mode].shortestWindowSeconds, Math.min(plan.windowSeconds, room));
}
