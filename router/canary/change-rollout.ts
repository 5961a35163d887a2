import type { Tx } from '../../domain/ports.ts';
import type { Pool } from '../../runtime/database.ts';
import { readRolloutUnless, rolloutId, type RolloutRow } from '../rollout-sql.ts';
import { appendAudit, canonical, type Change } from './audit.ts';

/** Who changes it, and why. */
export interface Authorship {
  readonly actor: string;
  readonly action: string;
  readonly reason: string;
}

export interface ChangeOptions {
  /** Refuse unless this is still the version. */
  readonly ifVersion?: number | undefined;
  /** A rollback must work in every state: somebody else's change meanwhile is no reason not to. */
  readonly retryOnConflict?: boolean;
}

export interface Changed {
  readonly row: RolloutRow;
  /** What it was. */
  readonly before: RolloutRow;
  /** False when it was like that already: no new version, no entry. */
  readonly changed: boolean;
}

/** Somebody else changed it meanwhile. */
export class RolloutConflict extends Error {
  override readonly name = 'RolloutConflict';
}

const retries = 20;

/** Changes the rollout by compare-and-set on its version, and records it in the same transaction. */
export async function changeRollout(
  pool: Pool,
  change: Partial<Omit<RolloutRow, 'version'>>,
  by: Authorship,
  { ifVersion, retryOnConflict = false }: ChangeOptions = {},
): Promise<Changed> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await pool.transaction((tx) => changeOnce(tx, change, by, ifVersion));
    } catch (error) {
      if (!(error instanceof RolloutConflict) || !retryOnConflict || attempt >= retries) throw error;
    }
  }
}

async function changeOnce(
  tx: Tx,
  change: Partial<Omit<RolloutRow, 'version'>>,
  by: Authorship,
  ifVersion?: number,
): Promise<Changed> {
  const before = await readRollout(tx);
  if (ifVersion !== undefined && ifVersion !== before.version) {
    throw new RolloutConflict(`version ${ifVersion} was expected, ${before.version} is current`);
  }
  const after: RolloutRow = { ...before, ...change };
  const diff = differences(before, after);
  if (Object.keys(diff).length === 0) return { row: before, before, changed: false };

  const to = before.version + 1;
  const rows = await tx.query(
    `update rollout set version = version + 1, enabled = $3, emergency = $4, percentage = $5, allow_users = $6, deny_users = $7,
       changed_by = $8, changed_at = now(), reason = $9
     where id = $1 and version = $2 returning version`,
    [
      rolloutId,
      before.version,
      after.enabled,
      after.emergency,
      after.percentage,
      after.allow,
      after.deny,
      by.actor,
      by.reason,
    ],
  );
  if (rows.length === 0) throw new RolloutConflict(`version ${before.version} was changed by somebody else meanwhile`);
  await appendAudit(tx, { at: new Date().toISOString(), ...by, fromVersion: before.version, toVersion: to, diff });
  return { row: { ...after, version: to }, before, changed: true };
}

export async function readRollout(tx: Tx): Promise<RolloutRow> {
  const row = await readRolloutUnless(tx, noVersion);
  if (row === undefined || row === null) throw new Error(`there is no rollout '${rolloutId}' in this database`);
  return row;
}
const noVersion = -1;

function differences(before: RolloutRow, after: RolloutRow): Record<string, Change> {
  const fields = ['enabled', 'emergency', 'percentage', 'allow', 'deny'] as const;
  return Object.fromEntries(
    fields
      .filter((field) => canonical(before[field]) !== canonical(after[field]))
      .map((field) => [field, { from: before[field], to: after[field] }]),
  );
}
