import type { Tx } from '../../domain/ports.ts';
import type { RolloutRow } from '../rollout-sql.ts';
import { readRollout } from './change-rollout.ts';

export interface RouterStatus {
  readonly routerId: string;
  readonly appliedVersion: number;
  /** Since its last heartbeat; it beats once a second. */
  readonly ageMs: number;
}

export interface RolloutStatus extends RolloutRow {
  readonly changedBy: string;
  readonly changedAt: string;
  readonly reason: string;
  readonly routers: readonly RouterStatus[];
  /** Payments started in the last hour. */
  readonly lastHour: { readonly legacy: number; readonly saga: number };
}

export async function readStatus(tx: Tx): Promise<RolloutStatus> {
  const row = await readRollout(tx);
  const [last] = await tx.query<{ changedBy: string; changedAt: Date; reason: string }>(
    `select changed_by as "changedBy", changed_at as "changedAt", reason from rollout where version = $1`,
    [row.version],
  );
  const [lastHour] = await tx.query<{ legacy: number; saga: number }>(
    `select count(*) filter (where side = 'legacy') as legacy, count(*) filter (where side = 'saga') as saga
     from payment_route where decided_at > now() - interval '1 hour'`,
  );
  return {
    ...row,
    changedBy: last?.changedBy ?? '',
    changedAt: last?.changedAt.toISOString() ?? '',
    reason: last?.reason ?? '',
    routers: await readRouters(tx),
    lastHour: lastHour ?? { legacy: 0, saga: 0 },
  };
}

/** Those heard of within a day: one that was stopped has taken its row along, one that crashed is worth seeing. */
export const readRouters = (tx: Tx): Promise<RouterStatus[]> =>
  tx.query<RouterStatus>(
    `select router_id as "routerId", applied_version as "appliedVersion",
       greatest(0, extract(epoch from clock_timestamp() - beat_at) * 1000)::bigint as "ageMs"
     from router_heartbeat where beat_at > now() - interval '1 day' order by router_id`,
  );

/** A router that has not beaten for this long is silent; after it, no payment of its goes to the saga: its rollout is stale. */
export const silentAfterMs = 10_000;
