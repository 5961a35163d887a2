import { sqlState } from '../../runtime/database.ts';

/** Serialization failure and deadlock: the same statement may simply be sent again. */
const retryable = new Set(['40001', '40P01']);

/** Classes of SQLSTATE that say something about the data of one payment: data exception, integrity, PL/pgSQL, internal. */
const poisonClasses = new Set(['22', '23', 'P0', 'XX']);

export const isRetryable = (error: unknown): boolean => retryable.has(sqlState(error) ?? '');

/** Worth bisecting. Time-outs and lost connections are not: they would fail every half again, and their outcome is unknown. */
export const isPoison = (error: unknown): boolean => poisonClasses.has((sqlState(error) ?? '').slice(0, 2));
