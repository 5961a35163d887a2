import type { Tx } from '../../domain/ports.ts';
import type { Invariant } from '../catalogue/invariant.ts';
import { askKeys, type Breach } from './ask-keys.ts';
import { proposals } from './proposals.ts';
import type { Repair } from './repair.ts';
import { keysOf, type Target } from './target.ts';

/** What can be done about one breach: a repair, another command, or nothing that is safe. */
export interface Proposed extends Breach {
  /** What to say after `--apply`: `B5:17`. */
  readonly ref: string;
  readonly repair?: string;
  readonly does?: string;
  readonly command?: string;
  readonly why: string;
  readonly look: string;
}

export const refOf = ({ code, id }: Breach): string => `${code}:${id}`;

export interface Possible {
  readonly repair: Repair;
  readonly target: Target;
  readonly does: string;
}

/** The first repair that can be done now; undefined where none is safe. Locks nothing: under locks, ask again. */
export async function possibleRepair(
  tx: Tx,
  catalogue: readonly Invariant[],
  breach: Breach,
): Promise<Possible | undefined> {
  for (const repair of proposals[breach.code]?.repairs ?? []) {
    const target = await targetOf(tx, repair.target, breach);
    const does = target && (await planOf(tx, catalogue, repair, target));
    if (target && does !== undefined) return { repair, target, does };
  }
  return undefined;
}

/** In words what will be done; undefined when it can't be done, or what it goes by is broken itself. */
export async function planOf(
  tx: Tx,
  catalogue: readonly Invariant[],
  repair: Repair,
  target: Target,
): Promise<string | undefined> {
  const [plan] = await tx.query<{ says: string }>(repair.plan, [target.id]);
  if (plan === undefined) return undefined;
  const needed = catalogue.filter(({ code }) => repair.needs.includes(code));
  return (await askKeys(tx, needed, await keysOf(tx, target))).length === 0 ? plan.says : undefined;
}

/** How the row that broke an invariant leads to what is repaired. */
async function targetOf(tx: Tx, kind: Target['kind'], breach: Breach): Promise<Target | undefined> {
  const id = await targetId(tx, kind, breach);
  return id === undefined || id === null ? undefined : { kind, id };
}

async function targetId(
  tx: Tx,
  kind: Target['kind'],
  { subject, id, orderId }: Breach,
): Promise<number | null | undefined> {
  if (kind === 'order') return orderId;
  if (kind === 'user' && subject === 'balance ledger entry')
    return idOf(tx, 'select user_id as id from balance_ledger where id = $1', id);
  if (kind === 'user coupon' && subject === 'order')
    return idOf(tx, 'select user_coupon_id as id from orders where id = $1', id);
  return Number(id);
}

const idOf = async (tx: Tx, sql: string, value: string): Promise<number | null | undefined> =>
  (await tx.query<{ id: number | null }>(sql, [value]))[0]?.id;

export async function propose(tx: Tx, catalogue: readonly Invariant[], breach: Breach): Promise<Proposed> {
  const { command, why, look } = proposals[breach.code] ?? unknown;
  const possible = await possibleRepair(tx, catalogue, breach);
  const fill = await fillerOf(tx, breach);
  const said = { ...breach, ref: refOf(breach), why, look: fill(look) };
  if (possible !== undefined) return { ...said, repair: possible.repair.name, does: possible.does };
  return command === undefined ? said : { ...said, command: fill(command) };
}

const unknown = { command: undefined, why: 'nobody has said what would be safe', look: 'docs/consistency.md' };

/** Puts the ids of the breach into a command or a query. */
async function fillerOf(tx: Tx, { subject, id, orderId }: Breach): Promise<(text: string) => string> {
  const user =
    subject === 'balance ledger entry'
      ? await idOf(tx, 'select user_id as id from balance_ledger where id = $1', id)
      : id;
  const saga =
    subject === 'saga'
      ? id
      : await idOf(tx, 'select saga_id as id from saga_state where order_id = $1', String(orderId ?? 0));
  const values: Readonly<Record<string, unknown>> = { id, order: orderId ?? id, user: user ?? id, saga: saga ?? id };
  return (text) => text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}
