import CircuitBreaker from 'opossum';
import { backoffMs, type BackoffLimits } from './backoff.ts';
import type { TargetFault } from './deliver-batch.ts';
import type { SharedBreaker } from './shared-breaker.ts';

export interface BreakerLimits extends BackoffLimits {
  /** A target may ask for more patience than our own backoff, but not for more than this. */
  readonly retryAfterCapMs: number;
  /** Whoever tries a target that was down is given this long before another may. */
  readonly probeMs: number;
}

export interface TargetBreaker {
  /** In a row, of this target; 0 while it takes what it is sent. */
  readonly faults: number;
  /** 0 closed, 1 half-open, 2 open. */
  readonly state: 0 | 1 | 2;
  /** How long nothing is to be sent; 0: it may be tried. */
  waitMs(): Promise<number>;
  /** Of many processes one tries a target that was down. */
  admit(): Promise<boolean>;
  /** Runs it and remembers whether the target was at fault. Does not run when the breaker has opened meanwhile. */
  run(work: () => Promise<TargetFault | undefined>): Promise<TargetFault | undefined>;
  stop(): void;
}

/** Three batches within a minute, more than half of them failed. */
const rule = { volumeThreshold: 3, errorThresholdPercentage: 50, rollingCountTimeout: 60_000, rollingCountBuckets: 6 };
/** How often a process that has no complaint asks whether another has. */
const askEveryMs = 1_000;

class Fault extends Error {
  override readonly name = 'Fault';
  readonly fault: TargetFault;

  constructor(fault: TargetFault) {
    super(fault.error);
    this.fault = fault;
  }
}

/**
 * A circuit breaker (opossum) with two things added: a pause that grows with the faults in a row, and a state that processes share. A batch counts,
 * not a POST: looking for the bad event in a batch takes many.
 */
export function openTargetBreaker(
  target: string,
  {
    shared,
    limits,
    random,
    changed,
  }: {
    readonly shared: SharedBreaker;
    readonly limits: BreakerLimits;
    readonly random: () => number;
    readonly changed: () => void;
  },
): TargetBreaker {
  const circuit = new CircuitBreaker(
    async (work: () => Promise<TargetFault | undefined>) => {
      const fault = await work();
      if (fault !== undefined) throw new Fault(fault);
    },
    {
      ...rule,
      name: target,
      timeout: false, // a POST has its own
      resetTimeout: limits.retryFirstMs, // half-open soon: the pause decides when it is tried
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      errorFilter: (error) => !(error instanceof Fault), // our own database is not the target's fault
    },
  );
  circuit.on('open', changed).on('halfOpen', changed).on('close', changed);
  let faults = 0;
  let pausedUntil = 0;
  let askedAt = -Infinity;

  return {
    get faults() {
      return faults;
    },
    get state() {
      return circuit.closed ? 0 : circuit.halfOpen ? 1 : 2;
    },
    async waitMs() {
      const now = performance.now();
      if (now < pausedUntil) return pausedUntil - now;
      if (circuit.opened) return limits.retryFirstMs;
      if (now - askedAt >= askEveryMs) {
        askedAt = now;
        await follow();
      }
      return circuit.opened ? Math.max(limits.retryFirstMs, pausedUntil - now) : 0;
    },
    admit: async () => circuit.closed || (circuit.halfOpen && (await shared.probe(limits.probeMs))),
    async run(work) {
      const wasShut = !circuit.closed;
      try {
        await circuit.fire(work);
      } catch (error) {
        if (error instanceof Fault) return await blamed(error.fault);
        if (CircuitBreaker.isOurError(error as Error)) return undefined;
        throw error;
      }
      faults = 0;
      if (wasShut) await shared.closed();
      return undefined;
    },
    stop() {
      circuit.shutdown();
    },
  };

  /** What another process has found out is not found out again. */
  async function follow(): Promise<void> {
    const seen = await shared.look();
    if (seen === undefined || seen.state === 'closed' || !circuit.closed) return;
    faults = Math.max(faults, seen.faults);
    pausedUntil = performance.now() + (seen.state === 'open' ? seen.leftMs : 0);
    circuit.open();
  }

  async function blamed(fault: TargetFault): Promise<TargetFault> {
    const now = performance.now();
    if (now >= pausedUntil) faults += 1; // those that were sent together count once
    const patience = Math.min(fault.retryAfterMs ?? 0, limits.retryAfterCapMs);
    const pauseMs = Math.max(backoffMs(faults, limits, random), patience);
    pausedUntil = Math.max(pausedUntil, now + pauseMs);
    if (patience > 0) circuit.open(); // one that asks to be left alone need not be asked three times
    if (!circuit.closed) await shared.opened(faults, pausedUntil - now);
    return fault;
  }
}
