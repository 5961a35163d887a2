import type { BusinessEvents } from '../runtime/telemetry.ts';
import type { Authorship } from './canary/change-rollout.ts';
import type { RolloutRow } from './rollout-sql.ts';
import type { Rollout } from './routing-policy.ts';

/** What a router tells when it begins to apply another rollout: the change is one thing, that it has arrived another. */
export const announceApplied =
  (events: BusinessEvents, router: string) =>
  (after: Rollout, before: Rollout): void => {
    const { enabled, emergency } = after;
    events.push('rollout.applied', {
      router,
      fromVersion: before.version,
      toVersion: after.version,
      from: before.percentage,
      to: after.percentage,
      enabled,
      emergency,
    });
    if (emergency && !before.emergency) events.push('rollback.effective', { router, version: after.version });
  };

const ofAction: Readonly<Record<string, 'rollback' | 'rollback.cleared'>> = {
  rollback: 'rollback',
  clear: 'rollback.cleared',
};

/** What the command tells after a change has committed. */
export function announceChange(
  events: BusinessEvents,
  { actor, action, reason }: Authorship,
  after: RolloutRow,
  before: RolloutRow,
): void {
  const change = { actor, reason, fromVersion: before.version, toVersion: after.version };
  const { percentage, enabled, allow, deny } = after;
  const name = ofAction[action];
  if (name !== undefined) events.push(name, { ...change, percentage });
  else
    events.push('rollout.changed', {
      ...change,
      from: before.percentage,
      to: percentage,
      enabled,
      allowed: allow.length,
      denied: deny.length,
    });
}
