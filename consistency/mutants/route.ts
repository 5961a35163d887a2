import type { Mutant } from './mutant.ts';
import { lean, saga } from './targets.ts';

/** A change of the rollout, as the audit keeps it, hash apart: the chain of hashes is the router's business. `diff` is an SQL expression. */
const change = (diff: string): string =>
  `update rollout set version = version + 1;
   insert into rollout_audit (actor, action, reason, from_version, to_version, diff, prev_hash, hash)
   select 'mutant', 'set', 'mutant', version - 1, version, ${diff}, '', '' from rollout;`;
const denying = (orderId: string): string =>
  `(select jsonb_build_object('deny', jsonb_build_object('from', '[]'::jsonb, 'to', jsonb_build_array(user_id))) from orders where id = ${orderId})`;
const routeOf = (orderId: string, set: string): string =>
  `update payment_route set ${set}, config_version = (select version from rollout) where order_id = ${orderId}`;

export const routeMutants: readonly Mutant[] = [
  { code: 'R1', does: 'an order without a route', sql: `delete from payment_route where order_id = ${lean}` },
  {
    code: 'R1',
    does: 'the engine of one side worked on an order of the other',
    sql: `update orders set engine = 'legacy-lean' where id = ${saga}`,
  },
  {
    code: 'R1',
    does: 'a route for another user',
    sql: `update payment_route set user_id = user_id + 100 where order_id = ${lean}`,
  },
  {
    code: 'R1',
    does: 'another bucket than the user’s',
    sql: `update payment_route set bucket = bucket + 1 where order_id = ${lean}`,
  },
  { code: 'R1', does: 'a side that its reason does not lead to', sql: routeOf(lean, `reason = 'allow'`) },
  { code: 'R1', does: 'a reason that no rule has', sql: routeOf(lean, `reason = 'whim'`) },
  {
    code: 'R1',
    does: 'a version that never was',
    sql: `update payment_route set config_version = config_version + 1000 where order_id = ${lean}`,
  },
  {
    code: 'R1',
    does: 'enrolled beyond the percentage',
    sql: `${change(`'{"percentage": {"from": 50, "to": 0}}'`)} ${routeOf(saga, `reason = 'bucket'`)}`,
  },
  {
    code: 'R1',
    does: 'left out although the percentage covers all',
    sql: `${change(`'{"percentage": {"from": 50, "to": 100}}'`)} ${routeOf(lean, `reason = 'default'`)}`,
  },
  {
    code: 'R1',
    does: 'on the saga side in spite of an emergency',
    sql: `${change(`'{"emergency": {"from": false, "to": true}, "percentage": {"from": 50, "to": 100}}'`)} ${routeOf(saga, `reason = 'bucket'`)}`,
  },
  {
    code: 'R1',
    does: 'allowed without being on the list',
    sql: `${change(`'{"allow": {"from": [], "to": [999999999]}}'`)} ${routeOf(saga, `reason = 'allow'`)}`,
  },
  {
    code: 'R1',
    does: 'enrolled although the list denies',
    sql: `${change(denying(saga))} ${routeOf(saga, `reason = 'bucket'`)}`,
  },
  {
    code: 'R1',
    does: 'called disabled while it was enabled',
    sql: `${change(`'{"enabled": {"from": false, "to": true}}'`)} ${routeOf(lean, `reason = 'disabled'`)}`,
  },
];
