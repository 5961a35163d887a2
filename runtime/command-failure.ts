import { sqlState } from './database.ts';

export const exitCodes = { ok: 0, failed: 1, usage: 2, conflict: 3, unreachable: 4 } as const;

/** A message for the person at the terminal, and the code the command leaves with. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** SQLSTATEs that say the server does not let us in or is not up, apart from class 08 and what is no SQLSTATE at all (errno). */
const notReached = ['28000', '28P01', '3D000', '53300', '57P01', '57P02', '57P03'];
const notMigrated = ['42P01', '42703'];

/** Of a command that works on the database of DATABASE_URL. */
export function asFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const cause = { cause: error };
  const state = sqlState(error);
  if (state !== undefined && (notReached.includes(state) || state.startsWith('08') || !/^[0-9A-Z]{5}$/.test(state))) {
    const why = `the database of DATABASE_URL cannot be reached (${state}): check that it runs and that the URL is right`;
    return new CommandFailure(exitCodes.unreachable, why, cause);
  }
  if (state !== undefined && notMigrated.includes(state)) {
    return new CommandFailure(
      exitCodes.failed,
      'the database of DATABASE_URL is not one of Sagashift, or an older one: `npm start` sets one up, `npm run migrate` brings one up to date',
      cause,
    );
  }
  return new CommandFailure(exitCodes.failed, error instanceof Error ? error.message : String(error), cause);
}
