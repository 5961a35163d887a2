import type { Tx } from '../domain/ports.ts';

/** The one rollout there is. */
export const rolloutId = 'payment';

export interface RolloutRow {
  readonly version: number;
  readonly enabled: boolean;
  readonly emergency: boolean;
  readonly percentage: number;
  readonly allow: readonly number[];
  readonly deny: readonly number[];
}

/** The row when it differs from the version that is known, else null; undefined when there is no row at all. */
export async function readRolloutUnless(tx: Tx, knownVersion: number): Promise<RolloutRow | null | undefined> {
  const [row] = await tx.query<{ changed: RolloutRow | null }>(
    `select case when r.version <> $2 then
       json_build_object('version', r.version, 'enabled', r.enabled, 'emergency', r.emergency, 'percentage', r.percentage,
         'allow', r.allow_users, 'deny', r.deny_users) end as changed
     from rollout r where r.id = $1`,
    [rolloutId, knownVersion],
  );
  return row?.changed ?? (row === undefined ? undefined : null);
}

export async function beatRouter(tx: Tx, routerId: string, appliedVersion: number): Promise<void> {
  await tx.query(
    `insert into router_heartbeat (router_id, applied_version, beat_at) values ($1, $2, now())
     on conflict (router_id) do update set applied_version = excluded.applied_version, beat_at = excluded.beat_at`,
    [routerId, appliedVersion],
  );
}

export async function forgetRouter(tx: Tx, routerId: string): Promise<void> {
  await tx.query('delete from router_heartbeat where router_id = $1', [routerId]);
}

/** Where the order's payment started, if it did. */
export async function readRoute(tx: Tx, orderId: number): Promise<'legacy' | 'saga' | undefined> {
  const [row] = await tx.query<{ side: 'legacy' | 'saga' }>('select side from payment_route where order_id = $1', [
    orderId,
  ]);
  return row?.side;
}

export async function readTiers(tx: Tx, userIds: readonly number[]): Promise<ReadonlyMap<number, 'NORMAL' | 'VIP'>> {
  const rows = await tx.query<{ id: number; tier: 'NORMAL' | 'VIP' }>(
    'select id, tier from users where id = any($1::bigint[])',
    [userIds],
  );
  return new Map(rows.map((row) => [row.id, row.tier]));
}
