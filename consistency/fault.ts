import { ConnectionLost, sqlState } from '../runtime/database.ts';
import { NotOursError } from '../runtime/databases.ts';
import { exitCodes } from './command-mode.ts';
import { UnfitError } from './unfit.ts';

export interface Fault {
  readonly message: string;
  readonly exitCode: number;
}

/** What ended a pass without a verdict, and what to do, by SQLSTATE. */
const explained: Readonly<Record<string, { readonly why: string; readonly exitCode?: number }>> = {
  '57P01': { why: 'the server is shutting down, or somebody ended our session: run it again when it is up' },
  '57P02': { why: 'the server crashed: run it again when it is up' },
  '57P03': { why: 'the server is starting up or shutting down: run it again when it is up' },
  '57014': { why: 'somebody cancelled our statement: run it again' },
  '53300': { why: 'the server has no connection left for us: run it again, or raise max_connections' },
  '40001': {
    why: 'the replica took back what we were reading: set hot_standby_feedback there, or a longer max_standby_streaming_delay',
  },
  '42501': { why: 'the user may not read everything: `grant pg_read_all_data`', exitCode: exitCodes.usage },
};

export function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return { message: String(error), exitCode: exitCodes.unreachable };
  if (error instanceof UnfitError) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof NotOursError) {
    const todo = 'give one that `npm start` or `npm run migrate` has set up';
    return { message: `${error.message}: ${todo}`, exitCode: exitCodes.invalid };
  }
  const known = explained[sqlState(error) ?? ''];
  const said = withCause(error);
  if (known !== undefined)
    return { message: `${known.why} (${said})`, exitCode: known.exitCode ?? exitCodes.unreachable };
  const todo =
    error instanceof ConnectionLost ? ': see that the server is up and the URL right, then run it again' : '';
  return { message: `${said}${todo}`, exitCode: exitCodes.unreachable };
}

/** The cause says what the network or the server said; of several addresses that were tried only the code is left. */
function withCause(error: Error): string {
  const { message, code } = (error.cause ?? {}) as { readonly message?: string; readonly code?: string };
  return [error.message, message || code].filter(Boolean).join(': ');
}
