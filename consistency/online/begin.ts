import { setTimeout as sleep } from 'node:timers/promises';
import type { Tx } from '../../domain/ports.ts';
import type { Pool } from '../../runtime/database.ts';
import { askSubject, type Question } from '../check.ts';
import { everything } from '../scope.ts';
import type { Found } from './ask-keys.ts';
import { foldAll } from './carried-sums.ts';
import type { Position } from './cycle.ts';
import { type Mark, readMark } from './mark.ts';
import { questions } from './subjects.ts';

const foldPlans = `set local work_mem = '128MB'; set local jit = off; set local max_parallel_workers_per_gather = 0`;

/** Folds and checks the ledgers as they are: where the first cycle goes on from, and what they broke already. */
export async function begin(pool: Pool, signal?: AbortSignal): Promise<[Position, readonly Found[]]> {
  const before = await settledMark(pool);
  return pool.transaction(
    async (tx) => {
      await tx.query(foldPlans);
      const mark = await readMark(tx);
      const sums = await foldAll(tx, signal);
      const found: Found[] = [];
      for (const [subject, asked] of questions) {
        signal?.throwIfAborted();
        if (['user', 'product', 'whole'].includes(subject.key)) found.push(...(await wrongIn(tx, subject, asked)));
      }
      return [{ marks: [before, before, mark], sums, waiting: [], waitingFrom: undefined }, found];
    },
    { isolation: 'repeatable read', readOnly: true },
  );
}

/** A mark that everything which was in work at it has outlived, usually after some milliseconds. A longer transaction is not waited for. */
async function settledMark(pool: Pool): Promise<Mark> {
  const mark = await readMark(pool);
  for (let looks = 0; looks < 20 && (await readMark(pool)).xmin < mark.xmax; looks++) await sleep(25);
  return mark;
}

async function wrongIn(tx: Tx, subject: Question['check']['subject'], asked: readonly Question[]): Promise<Found[]> {
  const answers = await askSubject(tx, subject, asked, everything);
  return answers.filter(({ violations }) => violations > 0);
}
