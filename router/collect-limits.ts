export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface CollectLimits {
  /** As sent and again when unpacked. */
  readonly bodyBytes: number;
  /** In one post. */
  readonly items: number;
  /** Posts being read at once. */
  readonly atOnce: number;
  /** Posts of all, and of one address. */
  readonly requests: Rate;
  readonly requestsOfAddress: Rate;
  /** Items of all. */
  readonly itemsTaken: Rate;
  /** Addresses remembered; whoever is forgotten starts with a full burst, within that of the process. */
  readonly addresses: number;
}

/** What `/collect` may cost. Telemetry is the first thing to be turned away: losing some of it loses no payment. */
export const collectLimits: CollectLimits = {
  bodyBytes: 128 * 1024, // parsed and checked in 1 to 2 ms, in which no payment moves
  items: 100, // Faro sends 50
  atOnce: 8,
  requests: { perSecond: 25, burst: 50 },
  requestsOfAddress: { perSecond: 10, burst: 25 },
  itemsTaken: { perSecond: 200, burst: 500 },
  addresses: 1_000,
};

export interface TokenBucket {
  /** Takes all of them or none. */
  take(tokens: number): boolean;
}

export function createTokenBucket({ perSecond, burst }: Rate, now: () => number): TokenBucket {
  let tokens = burst;
  let at = now();
  return {
    take(wanted) {
      const since = now() - at;
      at += since;
      tokens = Math.min(burst, tokens + (since / 1_000) * perSecond);
      if (tokens < wanted) return false;
      tokens -= wanted;
      return true;
    },
  };
}

export interface CollectLimiter {
  /** Before anything of a post is read. */
  admit(address: string): boolean;
  /** When it is known how much it holds. */
  take(items: number): boolean;
}

export function createCollectLimiter(now: () => number, limits: CollectLimits = collectLimits): CollectLimiter {
  const requests = createTokenBucket(limits.requests, now);
  const items = createTokenBucket(limits.itemsTaken, now);
  const perAddress = new Map<string, TokenBucket>();

  function bucketOf(address: string): TokenBucket {
    const bucket = perAddress.get(address) ?? createTokenBucket(limits.requestsOfAddress, now);
    perAddress.delete(address); // to the end: the first entry is the one unheard of for longest
    perAddress.set(address, bucket);
    if (perAddress.size > limits.addresses) perAddress.delete(perAddress.keys().next().value as string);
    return bucket;
  }

  return {
    // The address first: one that floods must not empty the bucket of all.
    admit: (address) => bucketOf(address).take(1) && requests.take(1),
    take: (wanted) => items.take(wanted),
  };
}
