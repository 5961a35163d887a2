import type { Route, Side } from '../domain/payment-engine.ts';
import type { RolloutWatch } from './rollout.ts';
import { asksTier, decide, type RoutingFacts } from './routing-policy.ts';
import type { UserTiers } from './user-tiers.ts';

/** Chooses a payment's side. `emergency`: an engine has just said that the rollback is on, whatever this router knows. */
export type Routing = (userId: number, emergency?: boolean) => Route | Promise<Route>;

/** An existing route of the order is not asked for here: the engine finds it in the statement that would create one. */
export function createRouting(watch: RolloutWatch, tiers: UserTiers, pinned: Side | undefined): Routing {
  return (userId, emergency = false) => {
    const rollout = watch.current();
    const facts: RoutingFacts = {
      userId,
      rollout: emergency ? { ...rollout, emergency } : rollout,
      stale: watch.stale(),
      tier: 'not asked',
      pinned,
    };
    if (!asksTier(facts)) return decide(facts);
    const tier = tiers(userId);
    return typeof tier === 'string'
      ? decide({ ...facts, tier })
      : tier.then((found) => decide({ ...facts, tier: found }));
  };
}
