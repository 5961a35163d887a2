import { setTimeout as sleep } from 'node:timers/promises';
import Redlock from 'redlock';
import type { LockResource } from '../domain/ports.ts';
import type { Config } from '../runtime/config.ts';
import type { Redis } from '../runtime/redis.ts';
import type { Interval } from './figures.ts';

/** Waited for a lock as long as the configuration allows; nothing was done. */
export class LockWaitExceeded extends Error {
  override readonly name = 'LockWaitExceeded';
  readonly code = 'LOCK_WAIT_EXCEEDED';
}

/** Redis could not be asked, so nothing is known about the lock. */
export class LocksUnreachable extends Error {
  override readonly name = 'LocksUnreachable';
  readonly code = 'LOCKS_UNREACHABLE';
}

export interface LockListener {
  waited(resource: LockResource, kind: 'redis', ms: number): void;
  /** From acquired to released, or to the end of the TTL when that came first: after it the lock kept nobody out. */
  held(resource: LockResource, kind: 'redis', interval: Interval): void;
  /** The lock had expired before it was released or extended. The payment goes on: row locks protect it. */
  lost(resource: LockResource): void;
}

/** The Redis locks of one payment. They are for efficiency; safety comes from the row locks. */
export interface PaymentLocks {
  /** False when somebody else kept it for `waitMs`. */
  take(resource: LockResource, key: string, waitMs: number, signal: AbortSignal): Promise<boolean>;
  /** In reverse order. Never rejects. */
  release(): Promise<void>;
}

interface Held {
  readonly resource: LockResource;
  readonly from: number;
  lock: Redlock.Lock;
  validUntil: number;
  lost: boolean;
}

type RedlockOptions = Config['redlock'] & { readonly prefix: string };

/** redlock 4.2.0 tries once per call here and never extends on its own: retries must end with a request, and locks be kept alive. */
export function createRedisLocks(redis: Redis, { retryDelayMs, retryJitterMs, ttlMs, prefix }: RedlockOptions) {
  const redlock = new Redlock([redis], { retryCount: 0 });
  let faults = 0;
  let fault: unknown;
  redlock.on('clientError', (error) => {
    faults += 1;
    fault = error;
  });

  async function tryOnce(key: string): Promise<Redlock.Lock | undefined> {
    const before = faults;
    try {
      return await redlock.lock(`${prefix}:${key}`, ttlMs);
    } catch (error) {
      if (faults !== before) throw new LocksUnreachable('Redis did not answer for a lock', { cause: fault });
      if (error instanceof Redlock.LockError) return undefined;
      throw error;
    }
  }

  return function begin(listener: LockListener): PaymentLocks {
    const locks: Held[] = [];
    let extension = Promise.resolve();
    let extender: NodeJS.Timeout | undefined;

    function lose(held: Held): void {
      if (!held.lost) listener.lost(held.resource);
      held.lost = true;
    }

    async function extend(): Promise<void> {
      for (const held of locks.filter(({ lost }) => !lost)) {
        try {
          held.lock = await held.lock.extend(ttlMs);
          held.validUntil = performance.now() + ttlMs;
        } catch {
          lose(held);
        }
      }
    }

    return {
      async take(resource, key, waitMs, signal) {
        const asked = performance.now();
        for (;;) {
          signal.throwIfAborted();
          const lock = await tryOnce(key);
          const now = performance.now();
          if (lock !== undefined) {
            listener.waited(resource, 'redis', now - asked);
            locks.push({ resource, lock, from: now, validUntil: now + ttlMs, lost: false });
            extender ??= setInterval(() => (extension = extension.then(extend)), ttlMs / 2);
            return true;
          }
          if (now - asked >= waitMs) return false;
          await sleep(Math.max(0, retryDelayMs + (Math.random() * 2 - 1) * retryJitterMs), undefined, { signal });
        }
      },
      async release() {
        clearInterval(extender);
        await extension;
        for (const held of locks.splice(0).reverse()) {
          await held.lock.unlock().catch(() => {
            lose(held);
          });
          listener.held(held.resource, 'redis', { from: held.from, to: Math.min(performance.now(), held.validUntil) });
        }
      },
    };
  };
}
