import type { Redis } from '../../runtime/redis.ts';

/** What the processes have told each other of a target. `open`: nobody sends for so long; `half-open`: one may try. */
export type SharedState =
  | { readonly state: 'closed' }
  | { readonly state: 'open'; readonly faults: number; readonly leftMs: number }
  | { readonly state: 'half-open'; readonly faults: number };

/** The state of a target's breaker in Redis. Without Redis each process has its own breaker only; nothing here waits for it or rejects. */
export interface SharedBreaker {
  /** Undefined: Redis does not say. */
  look(): Promise<SharedState | undefined>;
  opened(faults: number, pauseMs: number): Promise<void>;
  closed(): Promise<void>;
  /** Whether this process is the one that tries, for at most `ttlMs`; also when Redis does not say. */
  probe(ttlMs: number): Promise<boolean>;
}

/** A target of which nobody has heard for so long is no longer open for anybody. */
const rememberedMs = 3_600_000;
/** A Redis that is there and does not answer must not hold up deliveries: it is left alone for a while. */
const answerLimitMs = 250;
const leftAloneMs = 5_000;

/** Taken, or mine already: the probe that found nothing to send may go on with the next look. */
const takeProbe = `if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.call('get', KEYS[1]) == ARGV[1] and 1 or 0`;

/** Keys `<prefix>:breaker:<target>`, `..:pause` and `..:probe`. Time is Redis' own: a pause is a key that expires. */
export function sharedBreaker(redis: Redis, keyPrefix: string, target: string, processId: string): SharedBreaker {
  const state = `${keyPrefix}:breaker:${target}`;
  const [pause, probing] = [`${state}:pause`, `${state}:probe`];
  let leftAloneUntil = 0;

  async function ask<T>(command: () => Promise<T>): Promise<T | undefined> {
    if (redis.status !== 'ready' || performance.now() < leftAloneUntil) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        leftAloneUntil = performance.now() + leftAloneMs;
        resolve(undefined);
      }, answerLimitMs);
    });
    try {
      return await Promise.race([command().catch(() => undefined), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async look() {
      const seen = await ask(async () => Promise.all([redis.get(state), redis.pttl(pause)]));
      if (seen === undefined) return undefined;
      const [faults, leftMs] = [Number(seen[0]), seen[1]];
      if (!(faults > 0)) return { state: 'closed' };
      return leftMs > 0 ? { state: 'open', faults, leftMs } : { state: 'half-open', faults };
    },
    async opened(faults, pauseMs) {
      await ask(() =>
        redis
          .multi()
          .set(state, faults, 'PX', rememberedMs)
          .set(pause, processId, 'PX', Math.max(1, Math.ceil(pauseMs)))
          .del(probing)
          .exec(),
      );
    },
    async closed() {
      await ask(() => redis.del(state, pause, probing));
    },
    async probe(ttlMs) {
      return (await ask(() => redis.eval(takeProbe, 1, probing, processId, Math.ceil(ttlMs)))) !== 0;
    },
  };
}
