import { createHash } from 'node:crypto';
import type { Tx } from '../../domain/ports.ts';

export interface Change<Value = unknown> {
  readonly from: Value;
  readonly to: Value;
}
/** Field of the rollout -> what it was and what it became. */
export type Diff = Readonly<Record<string, Change>>;

/** What the hash covers. */
export interface AuditEntry {
  /** ISO 8601, milliseconds. */
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly reason: string;
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly diff: Diff;
}
export interface ChainedEntry extends AuditEntry {
  readonly seq: number;
  readonly prevHash: string;
  readonly hash: string;
}

export const genesisHash = '0'.repeat(64);

/** sha256 over the previous hash and the entry with its keys sorted: what was said before cannot be changed later unseen. */
export const auditHash = (
  prevHash: string,
  { at, actor, action, reason, fromVersion, toVersion, diff }: AuditEntry,
): string =>
  createHash('sha256')
    .update(prevHash)
    .update(canonical({ at, actor, action, reason, fromVersion, toVersion, diff }))
    .digest('hex');

/** JSON with sorted keys: jsonb keeps no order, so the order cannot be part of what is signed. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}

/** The seq of the first entry that does not follow from the one before it; undefined when the whole chain holds. */
export function firstBrokenLink(entries: readonly ChainedEntry[]): number | undefined {
  let prevHash = genesisHash;
  for (const entry of entries) {
    if (entry.prevHash !== prevHash || auditHash(prevHash, entry) !== entry.hash) return entry.seq;
    prevHash = entry.hash;
  }
  return undefined;
}

/** To be called while the rollout row is locked by this transaction's update of it: that lock keeps the chain in one line. */
export async function appendAudit(tx: Tx, entry: AuditEntry): Promise<void> {
  const [last] = await tx.query<{ hash: string }>('select hash from rollout_audit order by seq desc limit 1');
  const prevHash = last?.hash ?? genesisHash;
  await tx.query(
    `insert into rollout_audit (at, actor, action, reason, from_version, to_version, diff, prev_hash, hash)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      entry.at,
      entry.actor,
      entry.action,
      entry.reason,
      entry.fromVersion,
      entry.toVersion,
      JSON.stringify(entry.diff),
      prevHash,
      auditHash(prevHash, entry),
    ],
  );
}

/** Oldest first. */
export async function readAudit(tx: Tx): Promise<ChainedEntry[]> {
  const rows = await tx.query<Omit<ChainedEntry, 'at'> & { at: Date }>(
    `select seq, at, actor, action, reason, from_version as "fromVersion", to_version as "toVersion", diff, prev_hash as "prevHash", hash
     from rollout_audit order by seq`,
  );
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}
