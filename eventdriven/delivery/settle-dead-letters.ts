import type { Tx } from '../../domain/ports.ts';
import type { Pool } from '../../runtime/database.ts';
import { type Operator, type OperatorAction, recordActions } from '../../runtime/operator-actions.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  dropDeadLetters,
  findDeadLetters,
  replayDeadLetters,
  statusesOf,
} from './dead-letter-sql.ts';

/** These ids, all of them or none; or whatever the filter finds. */
export type Choice = { readonly eventIds: readonly number[] } | { readonly filter: DeadLetterFilter };

/** These ids are no dead letters, or not any more, or there is no such event. Nothing has changed. */
export class NotDeadLetters extends Error {
  override readonly name = 'NotDeadLetters';
  /** What each of them is; undefined: there is no such event. */
  readonly statuses: ReadonlyMap<number, string | undefined>;

  constructor(statuses: ReadonlyMap<number, string | undefined>) {
    const unknown = [...statuses.keys()].filter((id) => statuses.get(id) === undefined);
    const others = [...statuses].map(([id, status]) => `event ${id} is ${status ?? ''}`);
    super(
      unknown.length > 0
        ? `there is no event ${unknown.join(', ')}; nothing was changed`
        : `${others.join(', ')}, not a dead letter; nothing was changed`,
    );
    this.statuses = statuses;
  }

  get unknown(): boolean {
    return [...this.statuses.values()].includes(undefined);
  }
}

const actions = {
  replay: { becomes: 'PENDING', act: replayDeadLetters },
  drop: { becomes: 'DROPPED', act: dropDeadLetters },
} as const;

/**
 * Sends again, or gives up for good, and says in operator_action who did it and why. Answers the letters as they were. Rejects with NotDeadLetters
 * when an id is none: then nothing has changed, and operator_action says what was refused.
 */
export async function settleDeadLetters(
  pool: Pool,
  action: keyof typeof actions,
  choice: Choice,
  by: Operator,
): Promise<DeadLetter[]> {
  try {
    return await pool.transaction((tx) => settle(tx, action, choice, by));
  } catch (error) {
    if (error instanceof NotDeadLetters) await recordActions(pool, by, refusals(error)); // on its own: all else was rolled back
    throw error;
  }
}

async function settle(tx: Tx, action: keyof typeof actions, choice: Choice, by: Operator): Promise<DeadLetter[]> {
  const { act, becomes } = actions[action];
  const found = 'filter' in choice ? await findDeadLetters(tx, choice.filter) : [];
  const ids = 'filter' in choice ? found.map(({ eventId }) => eventId) : [...new Set(choice.eventIds)];
  const letters = await act(tx, ids, by.reason);
  if ('eventIds' in choice && letters.length < ids.length) await refuse(tx, ids, letters);
  const recorded = letters.map(({ eventId, ...letter }) => ({
    subject: `event ${eventId}`,
    before: { status: 'DEAD_LETTER', ...letter },
    after: { status: becomes },
  }));
  await recordActions(tx, by, recorded);
  return letters;
}

async function refuse(tx: Tx, ids: readonly number[], letters: readonly DeadLetter[]): Promise<never> {
  const settled = new Set(letters.map(({ eventId }) => eventId));
  const others = ids.filter((id) => !settled.has(id));
  const known = new Map((await statusesOf(tx, others)).map(({ eventId, status }) => [eventId, status]));
  throw new NotDeadLetters(new Map(others.map((id) => [id, known.get(id)])));
}

const refusals = ({ statuses }: NotDeadLetters): OperatorAction[] =>
  [...statuses].map(([id, status]) => ({
    subject: `event ${id}`,
    before: status === undefined ? {} : { status },
    after: { refused: status === undefined ? 'UNKNOWN' : 'NOT_DEAD_LETTER' },
  }));
