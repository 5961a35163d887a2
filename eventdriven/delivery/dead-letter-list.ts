import type { Redis } from '../../runtime/redis.ts';
import type { Tx } from '../../domain/ports.ts';
import { newestDeadLetters } from './dead-letter-sql.ts';

/** Entries of a list, newest first; all of them stand in Postgres. */
const listLength = 1_000;

export const deadLetterKey = (keyPrefix: string, topic: string): string => `${keyPrefix}:dead-letter:${topic}`;

/**
 * Makes the Redis lists of these topics say what Postgres says, each in one step. Always the whole list: a push that got lost, a list
 * that was flushed and a letter that was replayed are all put right by the next call, and calling it twice changes nothing.
 */
export async function publishDeadLetters(
  tx: Tx,
  redis: Redis,
  keyPrefix: string,
  topics: Iterable<string>,
): Promise<void> {
  for (const topic of topics) {
    const letters = await newestDeadLetters(tx, topic, listLength);
    const key = deadLetterKey(keyPrefix, topic);
    const replace = redis.multi().del(key);
    if (letters.length > 0) replace.rpush(key, ...letters.map((letter) => JSON.stringify(letter)));
    await replace.exec();
  }
}
