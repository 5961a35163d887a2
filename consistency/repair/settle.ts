import type { Tx } from '../../domain/ports.ts';
import { type Pool, sqlState } from '../../runtime/database.ts';
import { type Operator, recordActions } from '../../runtime/operator-actions.ts';
import type { Invariant } from '../catalogue/invariant.ts';
import { askKeys, type Breach, breachName, isBroken } from './ask-keys.ts';
import { planOf, possibleRepair, refOf } from './propose.ts';
import type { Repair } from './repair.ts';
import { changed, type Keys, keysOf, lockAll, stateOf, type Target } from './target.ts';

/** What became of one breach. `skipped`: no longer true, or nothing safe can be done. `failed`: the database would not have it. */
export interface Settled {
  readonly ref: string;
  readonly outcome: 'done' | 'gone' | 'unsafe' | 'failed';
  /** What was done, or why not. */
  readonly says: string;
  /** What was touched. */
  readonly keys: Keys;
}

/**
 * Repairs one breach in one transaction: under the locks of everything it touches it is asked for again, changed, the
 * whole catalogue asked about those rows, and the change kept in operator_action. Rolled back when the breach is still
 * there, or any invariant holds no longer that held before.
 */
export async function settle(
  pool: Pick<Pool, 'transaction'>,
  catalogue: readonly Invariant[],
  breach: Breach,
  by: Operator,
): Promise<Settled> {
  const ref = refOf(breach);
  try {
    return await pool.transaction(async (tx) => {
      await tx.query(`set local lock_timeout = '${lockTimeoutMs}ms'`);
      return { ref, ...(await settleIn(tx, catalogue, breach, by)) };
    });
  } catch (error) {
    if (error instanceof WouldBreak) return { ref, outcome: 'unsafe', says: error.message, keys: {} };
    const busy = busyStates[sqlState(error) ?? ''];
    if (busy === undefined) throw error;
    return { ref, outcome: 'failed', says: busy, keys: {} };
  }
}

/** Longer than any boundary holds its rows. */
const lockTimeoutMs = 10_000;

const busyStates: Readonly<Record<string, string>> = {
  '55P03': 'somebody holds its rows: nothing was changed, try again',
  '40P01': 'it met another transaction: nothing was changed, try again',
  '23514': 'a constraint would not have it: nothing was changed',
  '23505': 'a constraint would not have it: nothing was changed',
};

class WouldBreak extends Error {}

type Outcome = Omit<Settled, 'ref'>;

const gone: Outcome = { outcome: 'gone', says: 'no longer so: nothing to do', keys: {} };

async function settleIn(tx: Tx, catalogue: readonly Invariant[], breach: Breach, by: Operator): Promise<Outcome> {
  const possible = await possibleRepair(tx, catalogue, breach);
  if (possible === undefined && !(await isBroken(tx, catalogue, breach))) return gone;
  if (possible === undefined) return { outcome: 'unsafe', says: 'no safe repair', keys: {} };
  const { repair, target } = possible;
  const keys = await keysOf(tx, target);
  await lockAll(tx, target, keys);
  const asked = catalogue.filter(({ code, class: kind }) => kind === 'I' || kind === 'T' || code === breach.code);
  const before = await askKeys(tx, asked, keys);
  if (!names(before).has(breachName(breach))) return gone;
  const does = await planOf(tx, catalogue, repair, target);
  if (does === undefined) return { outcome: 'unsafe', says: 'no safe repair any more', keys };
  await act(tx, repair, target, keys, by);
  refuseWorse(breach, before, await askKeys(tx, asked, keys));
  return { outcome: 'done', says: does, keys };
}

async function act(tx: Tx, repair: Repair, target: Target, keys: Keys, by: Operator): Promise<void> {
  const was = await stateOf(tx, keys);
  await tx.query(repair.act, [target.id]);
  const subject = `${target.kind} ${target.id}`;
  const command = `${by.command} ${repair.name}`;
  await recordActions(tx, { ...by, command }, [{ subject, ...changed(was, await stateOf(tx, keys)) }]);
}

const names = (breaches: readonly Breach[]): Set<string> => new Set(breaches.map(breachName));

function refuseWorse(breach: Breach, before: readonly Breach[], after: readonly Breach[]): void {
  const known = names(before);
  const worse = after.find((each) => !known.has(breachName(each)));
  if (worse !== undefined) throw new WouldBreak(`no safe repair: it would break ${breachName(worse)}`);
  if (names(after).has(breachName(breach))) throw new WouldBreak('no safe repair: it would still be broken');
}
