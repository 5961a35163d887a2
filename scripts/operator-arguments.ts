import { InvalidArgumentError } from 'commander';
import { CommandFailure, exitCodes } from '../runtime/command-failure.ts';

// What commands for operators take from their command line, each with what it says when it is wrong.

const textLimit = 500;
export function reasonFrom(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('say why');
  if (text.length > textLimit) throw new InvalidArgumentError(`at most ${textLimit} characters`);
  return text.trim();
}

/** Things to act on, or to show, at once. */
export const maxLimit = 1_000;
export function limitFrom(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= maxLimit) return Number(text);
  throw new InvalidArgumentError(`it takes a whole number from 1 to ${maxLimit}`);
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
export function ageFrom(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return Number(amount) * (unitMs[unit] ?? 0);
  throw new InvalidArgumentError('an age is a whole number with its unit, like 90s, 15m, 2h or 7d');
}

/** `what` with its article: an event id, a saga id. */
export function idFrom(text: string, what: string): number {
  if (/^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new CommandFailure(exitCodes.usage, `'${text}' is not ${what}: a whole number from 1 to 2^53 - 1`);
}
