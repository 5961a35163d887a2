import type { Route, RouteReason, Side } from '../domain/payment-engine.ts';

/** The rollout as the router applies it: the row, with the environment's switches OR-ed in. */
export interface Rollout {
  readonly version: number;
  readonly enabled: boolean;
  readonly emergency: boolean;
  /** 0..100. */
  readonly percentage: number;
  readonly allow: ReadonlySet<number>;
  readonly deny: ReadonlySet<number>;
}

/** `not asked` stands for NORMAL: no rule may enrol a user before `asksTier` has said that the tier does not matter. */
export type Tier = 'NORMAL' | 'VIP' | 'unknown' | 'not asked';

export interface RoutingFacts {
  readonly userId: number;
  readonly rollout: Rollout;
  /** Nobody could confirm the rollout for longer than the router may trust it. */
  readonly stale: boolean;
  readonly tier: Tier;
  /** The router was started for one engine. */
  readonly pinned?: Side | undefined;
  /** The order's payment started there already. */
  readonly existing?: Side | undefined;
}

export interface RoutingRule {
  readonly reason: RouteReason;
  readonly side: Side | ((facts: RoutingFacts) => Side);
  readonly applies: (facts: RoutingFacts) => boolean;
}

/** What no percentage covers. In JavaScript `null % 100` is 0, which is the first bucket to be enrolled. */
export const noBucket = 100;

/** userId % 100, so that the users of 5 % are among those of 10 %; `noBucket` for what is not a user id. */
export const bucketOf = (userId: number): number => (isUserId(userId) ? userId % 100 : noBucket);

const isUserId = (userId: unknown): boolean => Number.isSafeInteger(userId) && (userId as number) > 0;

/**
 * The first rule that applies wins. Rules that protect stand before rules that enrol; an order that has started on one
 * side finishes there, because executing it again on the other could charge twice. The seed asked for the bucket
 * before the tier, which would enrol a VIP such as user 100: here VIP wins.
 */
export const routingRules: readonly RoutingRule[] = [
  { reason: 'affinity', side: (f) => f.existing ?? 'legacy', applies: (f) => f.existing !== undefined },
  { reason: 'pinned', side: (f) => f.pinned ?? 'legacy', applies: (f) => f.pinned !== undefined },
  { reason: 'emergency', side: 'legacy', applies: (f) => f.rollout.emergency },
  { reason: 'disabled', side: 'legacy', applies: (f) => !f.rollout.enabled },
  { reason: 'stale_config', side: 'legacy', applies: (f) => f.stale },
  { reason: 'deny', side: 'legacy', applies: (f) => f.rollout.deny.has(f.userId) },
  { reason: 'vip', side: 'legacy', applies: (f) => f.tier === 'VIP' },
  { reason: 'vip_unknown', side: 'legacy', applies: (f) => f.tier === 'unknown' },
  { reason: 'allow', side: 'saga', applies: (f) => isUserId(f.userId) && f.rollout.allow.has(f.userId) },
  { reason: 'bucket', side: 'saga', applies: (f) => bucketOf(f.userId) < f.rollout.percentage },
  { reason: 'default', side: 'legacy', applies: () => true },
];

const protecting = routingRules.slice(
  0,
  routingRules.findIndex((rule) => rule.reason === 'vip'),
);

/** Whether the user's tier has to be looked up: only when no rule before it decides. */
export const asksTier = (facts: RoutingFacts): boolean =>
  isUserId(facts.userId) && !protecting.some((rule) => rule.applies(facts));

/** Pure: the same facts always give the same route. */
export function decide(facts: RoutingFacts): Route {
  const rule = routingRules.find((candidate) => candidate.applies(facts)) as RoutingRule;
  return {
    side: sideOf(rule, facts),
    reason: rule.reason,
    bucket: bucketOf(facts.userId),
    version: facts.rollout.version,
  };
}

export interface TracedRule {
  readonly rule: RouteReason;
  readonly verdict: 'applied' | 'did not apply' | 'not reached';
  readonly side?: Side;
}

/** Every rule in its order, and which one decided: the answer to "why did this user land there?". */
export function trace(facts: RoutingFacts): readonly TracedRule[] {
  const winner = routingRules.findIndex((rule) => rule.applies(facts));
  return routingRules.map((rule, i) => {
    if (i > winner) return { rule: rule.reason, verdict: 'not reached' };
    if (i < winner) return { rule: rule.reason, verdict: 'did not apply' };
    return { rule: rule.reason, verdict: 'applied', side: sideOf(rule, facts) };
  });
}

const sideOf = (rule: RoutingRule, facts: RoutingFacts): Side =>
  typeof rule.side === 'function' ? rule.side(facts) : rule.side;
