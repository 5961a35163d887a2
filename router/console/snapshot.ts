import type { Route, Side } from '../../domain/payment-engine.ts';
import type { Rollout } from '../routing-policy.ts';
import { type Concern, concernsOf } from './concerns.ts';
import type { DatabaseState } from './database-watch.ts';
import type { History } from './history.ts';
import { sides } from './traffic-sample.ts';
import type { Traffic } from './traffic-window.ts';

/** What a router is, for as long as it runs. */
export interface RouterFacts {
  readonly id: string;
  /** The engine that everything goes to, whatever the rollout says. */
  readonly pinned: string | null;
  /** The engine of each side; a pinned router has one side. */
  readonly engines: Readonly<Record<Side, string | null>>;
}

export interface RolloutView {
  readonly version: number;
  readonly enabled: boolean;
  readonly emergency: boolean;
  readonly percentage: number;
  readonly allowed: number;
  readonly denied: number;
  /** Since the database confirmed it; null when it never did. */
  readonly ageMs: number | null;
  readonly stale: boolean;
}

export interface SideView {
  readonly engine: string;
  /** Answered for good per second, over `rateSeconds`. */
  readonly settledPerSecond: number | null;
  /** Over `windowSeconds`, as everything below. */
  readonly latencyMs: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
  readonly outcomes: { readonly good: number; readonly rejected: number; readonly bad: number };
  readonly decided: number;
  readonly inFlight: number;
}

export interface DecisionView {
  readonly side: Side;
  readonly reason: Route['reason'];
  readonly recent: number;
  readonly total: number;
}

/** Everything the page shows; each event of the stream is one. */
export interface Snapshot {
  /** Epoch milliseconds of this router's clock. */
  readonly at: number;
  readonly router: RouterFacts;
  readonly rollout: RolloutView;
  readonly rateSeconds: number;
  readonly windowSeconds: number;
  /** Null for the side that a pinned router does not have. */
  readonly sides: Readonly<Record<Side, SideView | null>>;
  readonly decisions: readonly DecisionView[];
  readonly history: History;
  readonly database: DatabaseState;
  /** What a person should look at, worst first; empty when there is nothing. */
  readonly concerns: readonly Concern[];
}

export interface SnapshotFacts {
  readonly at: number;
  readonly router: RouterFacts;
  readonly rollout: RolloutView;
  readonly rate: Traffic;
  readonly recent: Traffic;
  readonly totals: ReadonlyMap<string, number>;
  readonly inFlight: Readonly<Record<Side, number>>;
  readonly history: History;
  readonly database: DatabaseState;
}

export function snapshotOf({ rate, recent, totals, inFlight, ...facts }: SnapshotFacts): Snapshot {
  const decisions = decisionsOf(recent.decisions, totals);
  const sideView = (side: Side): SideView | null => {
    const engine = facts.router.engines[side];
    if (engine === null) return null;
    const { good, rejected, bad, latencyMs } = recent.sides[side];
    return {
      engine,
      settledPerSecond: rate.sides[side].settledPerSecond,
      latencyMs,
      outcomes: { good, rejected, bad },
      decided: decisions.filter((row) => row.side === side).reduce((sum, row) => sum + row.recent, 0),
      inFlight: inFlight[side],
    };
  };
  const view = {
    ...facts,
    rateSeconds: rate.seconds,
    windowSeconds: recent.seconds,
    sides: { legacy: sideView('legacy'), saga: sideView('saga') },
    decisions,
  };
  return { ...view, concerns: concernsOf(view) };
}

/** In the order of the policy's rules is the order in which they were first counted: stable enough for a table. */
function decisionsOf(recent: ReadonlyMap<string, number>, totals: ReadonlyMap<string, number>): DecisionView[] {
  return [...totals].map(([key, total]) => {
    const [side, reason] = key.split(' ') as [Side, Route['reason']];
    return { side, reason, recent: recent.get(key) ?? 0, total };
  });
}

export const rolloutView = (rollout: Rollout, ageMs: number, stale: boolean): RolloutView => ({
  version: rollout.version,
  enabled: rollout.enabled,
  emergency: rollout.emergency,
  percentage: rollout.percentage,
  allowed: rollout.allow.size,
  denied: rollout.deny.size,
  ageMs: Number.isFinite(ageMs) ? ageMs : null,
  stale,
});

export const routerFacts = (
  id: string,
  pinned: Side | undefined,
  engines: Readonly<Record<Side, string>>,
): RouterFacts => ({
  id,
  pinned: pinned === undefined ? null : engines[pinned],
  engines: Object.fromEntries(
    sides.map((side) => [side, pinned === undefined || pinned === side ? engines[side] : null]),
  ) as RouterFacts['engines'],
});
