import { RequestProblem } from './problems.ts';

const idPattern = /^[1-9]\d{0,15}$/;

/** An id out of the path: decimal, positive, exact as a number (below 2^53). Anything else is a 400, never a look-up. */
export function idFrom(name: string, text: unknown): number {
  const id = typeof text === 'string' && idPattern.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(id))
    throw new RequestProblem('MALFORMED_REQUEST', `${name} must be an integer from 1 to 2^53 - 1`);
  return id;
}
