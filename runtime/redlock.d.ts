// redlock 4.2.0 brings no types, and @types/redlock does not accept ioredis 6. What we use of it:
declare module 'redlock' {
  import type { EventEmitter } from 'node:events';
  import type { Redis } from 'ioredis';

  namespace Redlock {
    interface Options {
      /** Share of the TTL taken off for clock drift, default 0.01. */
      readonly driftFactor?: number;
      /** Tries after the first; -1 tries for ever. */
      readonly retryCount?: number;
      /** Milliseconds between tries, +- `retryJitter`. */
      readonly retryDelay?: number;
      readonly retryJitter?: number;
    }

    interface Lock {
      readonly resource: string[];
      readonly value: string;
      /** Milliseconds since the epoch, drift taken off. */
      readonly expiration: number;
      /** Tries it took. */
      readonly attempts: number;
      /** Rejects with a LockError when the lock is not held any more. */
      unlock(): Promise<void>;
      extend(ttl: number): Promise<Lock>;
    }

    class LockError extends Error {
      readonly name: 'LockError';
      readonly attempts: number | undefined;
    }
  }

  class Redlock extends EventEmitter {
    static readonly LockError: typeof Redlock.LockError;
    constructor(clients: readonly Redis[], options?: Redlock.Options);
    /** All resources or none. `ttl` in milliseconds. Rejects with a LockError when the tries are used up. */
    lock(resource: string | readonly string[], ttl: number): Promise<Redlock.Lock>;
    unlock(lock: Redlock.Lock): Promise<void>;
    extend(lock: Redlock.Lock, ttl: number): Promise<Redlock.Lock>;
    quit(): Promise<void>;
    on(event: 'clientError', listener: (error: Error) => void): this;
  }

  export = Redlock;
}
