import { engineNames } from './engine-names.ts';
import type { Invariant, Subject } from './invariant.ts';
import { order } from './order.ts';

/** Reasons that decide the side without being asked any further. `pinned` may be either. */
const sideOf = {
  legacy: `('emergency', 'disabled', 'stale_config', 'deny', 'vip', 'vip_unknown', 'default')`,
  saga: `('allow', 'bucket')`,
};

/** What a field of the rollout was at a version: as the last change up to it left it, else as the first one behind it found it, else as it is. */
const fieldAt = (field: string, now: string): string => `coalesce(
        (select a.diff->'${field}'->'to' from rollout_audit a where a.to_version <= n.version and a.diff ? '${field}' order by a.to_version desc limit 1),
        (select a.diff->'${field}'->'from' from rollout_audit a where a.to_version > n.version and a.diff ? '${field}' order by a.to_version limit 1),
        to_jsonb(${now}))`;
const listAt = (field: string, now: string): string =>
  `array(select value::bigint from jsonb_array_elements_text(${fieldAt(field, now)}))`;

/** A version is recorded when each change from it to the rollout of today is: else what it said is not known. */
const versions = `
      select n.version, count(b.to_version) = r.version - n.version as is_recorded,
        (${fieldAt('enabled', 'r.enabled')})::boolean as enabled, (${fieldAt('emergency', 'r.emergency')})::boolean as emergency,
        (${fieldAt('percentage', 'r.percentage')})::int as percentage,
        ${listAt('allow', 'r.allow_users')} as allow, ${listAt('deny', 'r.deny_users')} as deny
      from rollout r
      join (select distinct to_version as version from rollout_audit union select from_version from rollout_audit union select version from rollout) n on true
      left join rollout_audit b on b.to_version > n.version
      where r.id = 'payment' group by n.version, r.version, r.enabled, r.emergency, r.percentage, r.allow_users, r.deny_users`;

/** Where a payment started, beside the configuration that its router says it went by. */
const route: Subject = {
  name: 'route',
  key: 'order',
  tables: ['payment_route', 'orders', 'rollout', 'rollout_audit'],
  sql: (within) => `
    select p.order_id as id, p.order_id, o.engine, o.user_id as owner, p.user_id, p.side, p.reason, p.bucket, p.config_version,
      (select max(version) from rollout) as newest_version, coalesce(v.is_recorded, false) as is_recorded,
      v.enabled, v.emergency, p.bucket < v.percentage as is_enrolled, p.user_id = any(v.allow) as is_allowed, p.user_id = any(v.deny) as is_denied,
      case when o.engine in ${engineNames.sagas} then 'saga' when o.engine in ${engineNames.legacySide} then 'legacy' end as worked_on
    from payment_route p
    left join orders o on o.id = p.order_id
    left join (${versions}) v on v.version = p.config_version
    where ${within('p.order_id')}`,
};

export const routeInvariants: readonly Invariant[] = [
  {
    code: 'R1',
    class: 'T',
    severity: 'process',
    sentence:
      'An order has one route, to the side of its engine, and it is what the router decides by the rollout at the route’s version.',
    remedy:
      'Compare `payment_route` with `npm run canary -- history` and `npm run canary -- explain USER`. A route that its version does not explain was written by a router of other rules, or by hand.',
    binds: 'all',
    examines: 'worked on',
    checks: [
      {
        subject: order,
        applies: `engine in ${engineNames.sagas} or engine in ${engineNames.legacySide}`,
        wrong: 'not is_routed',
      },
      {
        subject: route,
        wrong: `owner is distinct from user_id or bucket is distinct from user_id % 100
          or (worked_on is not null and worked_on is distinct from side)
          or (reason in ${sideOf.legacy} and side is distinct from 'legacy') or (reason in ${sideOf.saga} and side is distinct from 'saga')
          or reason not in ('pinned', 'emergency', 'disabled', 'stale_config', 'deny', 'vip', 'vip_unknown', 'allow', 'bucket', 'default')
          or config_version > newest_version or config_version < 0`,
      },
      {
        // Rules in their order: what a rule before it would have decided cannot have this reason. An environment can add `enabled` and
        // `emergency`, and only add; of a tier, or of how old a configuration was, nothing is kept.
        subject: route,
        applies: `is_recorded and reason not in ('pinned', 'emergency')`,
        wrong: `emergency or case reason when 'disabled' then enabled when 'stale_config' then false when 'deny' then not is_denied
          else is_denied or case reason when 'allow' then not is_allowed when 'bucket' then is_allowed or not is_enrolled
            when 'default' then is_allowed or is_enrolled else false end end`,
      },
    ],
  },
];
