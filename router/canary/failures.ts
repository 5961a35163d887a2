import { asFailure, CommandFailure, exitCodes } from '../../runtime/command-failure.ts';
import { RolloutConflict } from './change-rollout.ts';

/** Somebody else was first: that is for a person to look at, not to be tried again. */
export function asCanaryFailure(error: unknown): CommandFailure {
  if (!(error instanceof RolloutConflict)) return asFailure(error);
  const what = `${error.message}; look at \`npm run canary -- status\` and decide again`;
  return new CommandFailure(exitCodes.conflict, what, { cause: error });
}
