import type { FaroConfig } from './faro-config.ts';

/**
 * Every business event there is, with its attributes: what people did and what was found out, a few a minute at most.
 * Never a user, an order or an amount; lists of users are counted.
 */
export const businessEvents = {
  'run.started': ['run', 'mode', 'seed', 'scenarios', 'rounds', 'commit'],
  'round.started': ['run', 'scenario', 'arm', 'round'],
  'round.finished': ['run', 'scenario', 'arm', 'engine', 'round', 'settledPerSecond', 'p50Ms', 'p99Ms', 'valid'],
  verdict: ['run', 'scenario', 'metric', 'candidate', 'baseline', 'ratio', 'verdict'],
  'run.finished': ['run', 'state', 'seconds', 'rounds', 'violations', 'notRun'],
  'rollout.changed': ['actor', 'reason', 'fromVersion', 'toVersion', 'from', 'to', 'enabled', 'allowed', 'denied'],
  rollback: ['actor', 'reason', 'fromVersion', 'toVersion', 'percentage'],
  'rollback.cleared': ['actor', 'reason', 'fromVersion', 'toVersion', 'percentage'],
  'rollout.applied': ['router', 'fromVersion', 'toVersion', 'from', 'to', 'enabled', 'emergency'],
  'rollback.effective': ['router', 'version'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type EventName = keyof typeof businessEvents;
export type EventAttributes<Name extends EventName> = Readonly<
  Record<(typeof businessEvents)[Name][number], string | number | boolean | null>
>;

/** Where business events go. Nobody who pushes one has to wait for it, or to mind whether it arrives. */
export interface BusinessEvents {
  /** Takes note and returns: never throws, never waits. */
  push<Name extends EventName>(name: Name, attributes: EventAttributes<Name>): void;
  /** Resolves when all that was pushed has been answered, the sink has failed, or `signal` is aborted. Never rejects. */
  flush(signal: AbortSignal): Promise<void>;
  /** Flushes for at most 3 s, then drops what is left and every later event. */
  stop(): Promise<void>;
}

export type EventResult = 'sent' | 'dropped';

export interface EventsOptions {
  /** What the sink sees as the application: `sagashift-bench`, ... */
  readonly app: string;
  /** What belongs together: one run, one process. */
  readonly session: string;
  /** One line for a person, when the sink stops answering and when it is back. */
  readonly say: (line: string) => void;
  readonly count?: (result: EventResult, events: number) => void;
}

export const silentEvents: BusinessEvents = {
  push: () => undefined,
  flush: async () => undefined,
  stop: async () => undefined,
};

/** Nothing, unless a sink is configured. Faro is loaded only then: others pay neither its 40 ms nor its memory. */
export async function openEvents(config: FaroConfig | undefined, options: EventsOptions): Promise<BusinessEvents> {
  if (config === undefined) return silentEvents;
  const { openFaroEvents } = await import('./faro/faro-events.ts');
  return openFaroEvents(config, options);
}
