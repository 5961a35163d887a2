import type { Tx } from '../domain/ports.ts';

/** Who did something by a command, and why. */
export interface Operator {
  readonly actor: string;
  /** As typed, e.g. `dead-letters replay`. */
  readonly command: string;
  readonly reason: string;
}

/** What it was done to (e.g. `event 42`, `saga 7`), what that was, and what it is now. */
export interface OperatorAction {
  readonly subject: string;
  readonly before: object;
  readonly after: object;
}

/** Keeps what people do, one row each in operator_action. Call it in the transaction that does it: nothing is done unseen, nothing seen undone. */
export async function recordActions(tx: Tx, by: Operator, actions: readonly OperatorAction[]): Promise<void> {
  await tx.query(
    `insert into operator_action (actor, command, reason, subject, before, after)
     select $1, $2, $3, a.subject, a.before, a.after from unnest($4::text[], $5::jsonb[], $6::jsonb[]) a (subject, before, after)`,
    [
      by.actor,
      by.command,
      by.reason,
      actions.map(({ subject }) => subject),
      actions.map(({ before }) => JSON.stringify(before)),
      actions.map(({ after }) => JSON.stringify(after)),
    ],
  );
}
