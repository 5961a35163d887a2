import type { Tx } from '../../domain/ports.ts';
import { type EnvironmentSwitches, withSwitches } from '../rollout.ts';
import { readRoute, readTiers } from '../rollout-sql.ts';
import { decide, trace, type TracedRule } from '../routing-policy.ts';
import type { Route } from '../../domain/payment-engine.ts';
import { readRollout } from './change-rollout.ts';

export interface Explanation {
  readonly userId: number;
  readonly orderId: number | undefined;
  readonly tier: string;
  readonly route: Route;
  readonly trace: readonly TracedRule[];
}

/** Where a payment of this user would go now, and why. Undefined when there is no such user. Assumes a router that is up to date and not pinned. */
export async function explainUser(
  tx: Tx,
  userId: number,
  orderId: number | undefined,
  switches: EnvironmentSwitches,
): Promise<Explanation | undefined> {
  const tier = (await readTiers(tx, [userId])).get(userId);
  if (tier === undefined) return undefined;
  const existing = orderId === undefined ? undefined : await readRoute(tx, orderId);
  const facts = { userId, rollout: withSwitches(await readRollout(tx), switches), stale: false, tier, existing };
  return { userId, orderId, tier, route: decide(facts), trace: trace(facts) };
}
