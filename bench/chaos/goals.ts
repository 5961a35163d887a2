import type { ChaosResult, FaultResult } from './chaos-result.ts';
import { type Figures, relayBatch } from './figures/figures.ts';
import type { PaymentCost } from './figures/payment-cost.ts';
import { memoryPayments } from './figures/redis-memory.ts';

/** What the sagas are to reach, and what this run measured of it. The goals are of a machine with nothing else to do. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  /** Null: nothing was measured. */
  readonly measured: string | null;
  readonly verdict: 'met' | 'missed' | 'NOT RUN';
}

interface Measured {
  readonly text: string;
  readonly met: boolean;
}

interface GoalRow {
  readonly what: string;
  readonly goal: string;
  /** Undefined: this run has nothing to say of it. */
  readonly measure: (result: ChaosResult) => Measured | undefined;
}

const afterCrashSeconds = 5;
const flushSeconds = 10;
const pausedSagas = 1_000;
const relayPerSecond = 5_000;
const memorySpread = 0.1;
const alone = { commits: 6, roundTrips: 12, walKib: 8, redisCommands: 40 } as const;

const rows: readonly GoalRow[] = [
  {
    what: 'a process killed or stopped: 99 of 100 sagas final, counted from when another is there',
    goal: `within ${afterCrashSeconds} s`,
    measure: ({ results }) => slowest(results.filter(({ replacedSeconds, goalSeconds }) => goalSeconds === afterCrashSeconds && replacedSeconds > 0), afterCrashSeconds, 'p99Seconds'), // prettier-ignore
  },
  {
    what: 'Redis emptied under load: none lost, all that were open final',
    goal: `within ${flushSeconds} s`,
    measure: ({ results }) => slowest(ofFault(results, 'redis-flush'), flushSeconds, 'zeroOpenSeconds'),
  },
  {
    what: 'sagas open in stopped workers, in all, and effects that came twice',
    goal: `${pausedSagas} and more, 0`,
    measure: ({ results }) => paused(ofFault(results, 'worker-pause')),
  },
  cost('commits', `${alone.commits} at most`, ({ commits }) => [commits, alone.commits]),
  cost('round trips', `${alone.roundTrips} at most`, ({ roundTrips }) => [roundTrips, alone.roundTrips]),
  cost('KiB of WAL', `${alone.walKib} at most`, ({ walBytes }) => [
    walBytes === null ? null : walBytes / 1_024,
    alone.walKib,
  ]),
  cost('Redis commands', `${alone.redisCommands} at most in orchestration`, ({ style, redisCommands }) => [
    redisCommands,
    style === 'orchestration' ? alone.redisCommands : Infinity,
  ]),
  {
    what: `events a second that a relay delivers, ${relayBatch} at most to a POST`,
    goal: `${relayPerSecond} and more`,
    measure: ({ figures: { relay } }) =>
      relay === null
        ? undefined
        : { text: String(relay.eventsPerSecond), met: relay.eventsPerSecond >= relayPerSecond },
  },
  {
    what: `memory of Redis over ${memoryPayments} payments`,
    goal: `flat within ${memorySpread * 100} %`,
    measure: ({ figures: { memory } }) =>
      overStyles(memory, ({ spread }) => [`${(spread * 100).toFixed(1)} %`, spread <= memorySpread]),
  },
];

/** Each goal, whether this run measured it or not. */
export const goalsOf = (result: ChaosResult): readonly Goal[] =>
  rows.map(({ what, goal, measure }) => {
    const measured = measure(result);
    if (measured === undefined) return { what, goal, measured: null, verdict: 'NOT RUN' };
    return { what, goal, measured: measured.text, verdict: measured.met ? 'met' : 'missed' };
  });

const ofFault = (results: readonly FaultResult[], name: FaultResult['fault']): readonly FaultResult[] =>
  results.filter(({ fault, openAtInjection }) => fault === name && openAtInjection > 0);

function slowest(
  results: readonly FaultResult[],
  goal: number,
  figure: 'p99Seconds' | 'zeroOpenSeconds',
): Measured | undefined {
  const [first] = [...results].sort((a, b) => (b[figure] ?? Infinity) - (a[figure] ?? Infinity));
  if (first === undefined) return undefined;
  const lost = results.reduce((sum, { notFinal, violations }) => sum + notFinal + violations.length, 0);
  const seconds = first[figure];
  const text = `${seconds?.toFixed(1) ?? 'never'} s (${first.fault}, ${first.style})`;
  return { text: lost === 0 ? text : `${text}, books broken`, met: (seconds ?? Infinity) <= goal && lost === 0 };
}

function paused(results: readonly FaultResult[]): Measured | undefined {
  if (results.length === 0) return undefined;
  const open = results.reduce((sum, { openAtInjection }) => sum + openAtInjection, 0);
  const doubled = results.flatMap(({ violations }) => violations).reduce((sum, { violations }) => sum + violations, 0);
  return { text: `${open}, ${doubled}`, met: open >= pausedSagas && doubled === 0 };
}

function cost(
  what: string,
  goal: string,
  figure: (cost: PaymentCost) => readonly [value: number | null, atMost: number],
): GoalRow {
  return {
    what: `a payment alone, not delivered: ${what}`,
    goal,
    measure: ({ figures }) =>
      overStyles(figures.cost, (one) => {
        const [value, atMost] = figure(one);
        return [value?.toFixed(1) ?? 'unknown', value !== null && value <= atMost];
      }),
  };
}

function overStyles<One extends Figures['cost' | 'memory'][number]>(
  all: readonly One[],
  say: (one: One) => readonly [text: string, met: boolean],
): Measured | undefined {
  if (all.length === 0) return undefined;
  const said = all.map((one) => ({ style: one.style, told: say(one) }));
  return {
    text: said.map(({ style, told: [text] }) => `${text} ${style}`).join(', '),
    met: said.every(({ told: [, met] }) => met) && all.every(({ violations }) => violations.length === 0),
  };
}
