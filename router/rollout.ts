import type { Tx } from '../domain/ports.ts';
import type { Logger } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { beatRouter, forgetRouter, readRolloutUnless, type RolloutRow } from './rollout-sql.ts';
import type { Rollout } from './routing-policy.ts';

/** The seed's two properties. They can only add: enabled if either says so, emergency if either says so. */
export interface EnvironmentSwitches {
  readonly eventDrivenEnabled: boolean | undefined;
  readonly emergencyRollback: boolean;
}

/** Says that the row may have changed. Only a hint: the poll is correct without it. */
export interface RolloutHints {
  subscribe(onHint: () => void): void;
  stop(): void;
}

export interface RolloutWatchOptions {
  readonly tx: Tx;
  readonly routerId: string;
  readonly switches: EnvironmentSwitches;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly hints?: RolloutHints | undefined;
  /** Monotonic milliseconds: age is never a difference of two machines' clocks. */
  readonly now?: () => number;
  readonly pollMs?: number | undefined;
  readonly maxAgeMs?: number | undefined;
  /** Is told of each change when it is in force. */
  readonly onApplied?: ((after: Rollout, before: Rollout) => void) | undefined;
}

/** What this router applies, and whether it may still trust it. */
export interface RolloutWatch {
  current(): Rollout;
  /** Not confirmed for longer than `maxAgeMs`, default 10 s. */
  stale(): boolean;
  /** Milliseconds since Postgres last confirmed the version. */
  ageMs(): number;
  stop(): Promise<void>;
}

/** Nobody is enrolled until Postgres has been read once. */
const unread: RolloutRow = { version: 0, enabled: false, emergency: false, percentage: 0, allow: [], deny: [] };

export function withSwitches(row: RolloutRow, switches: EnvironmentSwitches): Rollout {
  return {
    version: row.version,
    enabled: row.enabled || switches.eventDrivenEnabled === true,
    emergency: row.emergency || switches.emergencyRollback,
    percentage: row.percentage,
    allow: new Set(row.allow),
    deny: new Set(row.deny),
  };
}

/** Resolves after the first attempt to read. A database that cannot be read makes the configuration stale, not the start fail. */
export async function watchRollout(options: RolloutWatchOptions): Promise<RolloutWatch> {
  const { tx, routerId, switches, metrics, log, hints } = options;
  const { now = () => performance.now(), pollMs = 1_000, maxAgeMs = 10_000 } = options;
  let rollout = withSwitches(unread, switches);
  let confirmedAt = -Infinity;
  let failing = false;
  let stopped = false;
  let hinted = false;
  let wake: () => void = () => undefined;

  const ageMs = (): number => now() - confirmedAt;
  const apply = (row: RolloutRow): void => {
    const before = rollout;
    rollout = withSwitches(row, switches);
    metrics.routerConfigVersion.set(rollout.version);
    metrics.routerCanaryRatio.set(rollout.enabled ? rollout.percentage / 100 : 0);
    metrics.routerEmergency.set(rollout.emergency ? 1 : 0);
    log.info({ version: row.version, percentage: row.percentage, emergency: rollout.emergency }, 'rollout applied');
    options.onApplied?.(rollout, before);
  };

  async function poll(): Promise<void> {
    const askedAt = now(); // what the answer confirms was true when it was asked for, not when it arrived
    try {
      const row = await readRolloutUnless(tx, rollout.version);
      if (row === undefined) throw new Error('there is no rollout row');
      if (row !== null) apply(row);
      confirmedAt = askedAt;
      await beatRouter(tx, routerId, rollout.version);
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'the rollout could not be read');
      failing = true;
    }
    metrics.routerConfigAge.set(Math.min(ageMs(), 1e9) / 1_000);
  }

  async function loop(): Promise<void> {
    await pause();
    while (!stopped) {
      await poll();
      await pause();
    }
  }
  /** Until the next poll is due, or somebody says that it is; at once when that was said during the last one. */
  async function pause(): Promise<void> {
    if (!hinted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    hinted = false;
  }
  const hint = (): void => {
    hinted = true;
    wake();
  };

  hints?.subscribe(hint);
  await poll();
  const looping = loop();
  return {
    current: () => rollout,
    ageMs,
    stale: () => ageMs() > maxAgeMs,
    stop: async () => {
      stopped = true;
      hint();
      hints?.stop();
      await looping;
      // A router that was stopped on purpose is no silent one.
      await forgetRouter(tx, routerId).catch(() => undefined);
    },
  };
}
