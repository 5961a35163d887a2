import { type RefusalCode, Rejection } from '../../domain/errors.ts';

/** The code with which a rule said no; undefined when it allowed. A fault passes through. */
export function refusalOf(rule: () => unknown): RefusalCode | undefined {
  try {
    rule();
    return undefined;
  } catch (error) {
    if (error instanceof Rejection) return error.code;
    throw error;
  }
}
