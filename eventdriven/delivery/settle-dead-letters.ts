import type { Tx } from '../../domain/ports.ts';
import type { Pool } from '../../runtime/database.ts';
import { type Operator, recordActions } from '../../runtime/operator-actions.ts';
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

/** There is no such event. */
export class UnknownEvents extends Error {
  override readonly name = 'UnknownEvents';
}

/** It is there and no dead letter, or not any more. */
export class NotDeadLetters extends Error {
  override readonly name = 'NotDeadLetters';
}

const actions = {
  replay: { becomes: 'PENDING', act: replayDeadLetters },
  drop: { becomes: 'DROPPED', act: dropDeadLetters },
} as const;

/** Sends again, or gives up for good, and says in operator_action who did it and why. Answers the letters as they were. On an error nothing has changed. */
export function settleDeadLetters(
  pool: Pool,
  action: keyof typeof actions,
  choice: Choice,
  by: Operator,
): Promise<DeadLetter[]> {
  const { act, becomes } = actions[action];
  return pool.transaction(async (tx) => {
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
  });
}

async function refuse(tx: Tx, ids: readonly number[], letters: readonly DeadLetter[]): Promise<never> {
  const settled = new Set(letters.map(({ eventId }) => eventId));
  const known = new Map((await statusesOf(tx, ids)).map(({ eventId, status }) => [eventId, status]));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new UnknownEvents(`there is no event ${unknown.join(', ')}; nothing was changed`);
  const others = ids.filter((id) => !settled.has(id)).map((id) => `event ${id} is ${known.get(id) ?? ''}`);
  throw new NotDeadLetters(`${others.join(', ')}, not a dead letter; nothing was changed`);
}
