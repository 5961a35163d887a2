import type { Tx } from '../domain/ports.ts';
import { readTiers } from './rollout-sql.ts';
import type { Tier } from './routing-policy.ts';

export interface UserTiersOptions {
  readonly tx: Tx;
  /** A user who became a VIP is treated as one after this, default 10 s. */
  readonly ttlMs?: number;
  /** Users remembered, default 50,000. */
  readonly size?: number;
  /** A look-up that takes longer has failed, default 1 s. */
  readonly timeoutMs?: number | undefined;
  readonly now?: () => number;
}

/** `unknown` when the look-up failed: whoever may be a VIP is treated as one. */
export type UserTiers = (userId: number) => Tier | Promise<Tier>;

const batchLimit = 500;

/** Natural batches: one look-up at a time takes all users that have gathered meanwhile. */
export function createUserTiers({
  tx,
  ttlMs = 10_000,
  size = 50_000,
  timeoutMs = 1_000,
  now = () => performance.now(),
}: UserTiersOptions): UserTiers {
  const known = new Map<number, { tier: Tier; until: number }>();
  const asked = new Map<number, { tier: Promise<Tier>; answer: (tier: Tier) => void }>();
  let asking = false;

  function remember(userId: number, tier: Tier): void {
    known.delete(userId); // to the end: the first entry is always the oldest
    known.set(userId, { tier, until: now() + ttlMs });
    if (known.size > size) known.delete(known.keys().next().value as number);
  }

  async function answerAll(): Promise<void> {
    while (asked.size > 0) {
      const batch = [...asked].slice(0, batchLimit);
      for (const [userId] of batch) asked.delete(userId);
      const tiers = await within(
        timeoutMs,
        readTiers(
          tx,
          batch.map(([userId]) => userId),
        ),
      ).catch(() => undefined);
      for (const [userId, { answer }] of batch) {
        // A user that is not there is nobody's VIP; the engine will not find the order either.
        const tier = tiers === undefined ? 'unknown' : (tiers.get(userId) ?? 'NORMAL');
        if (tiers !== undefined) remember(userId, tier);
        answer(tier);
      }
    }
    asking = false;
  }

  function ask(userId: number): Promise<Tier> {
    const before = asked.get(userId);
    if (before !== undefined) return before.tier;
    let answer: (tier: Tier) => void = () => undefined;
    const tier = new Promise<Tier>((resolve) => {
      answer = resolve;
    });
    asked.set(userId, { tier, answer });
    if (!asking) {
      asking = true;
      void answerAll(); // never rejects, and every asker waits for its answer
    }
    return tier;
  }

  return (userId) => {
    const entry = known.get(userId);
    return entry !== undefined && entry.until > now() ? entry.tier : ask(userId);
  };
}

function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  return Promise.race([work, limit]).finally(() => {
    clearTimeout(timer);
  });
}
