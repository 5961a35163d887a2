import { setTimeout as sleep } from 'node:timers/promises';
import { countSagas, type SagaCounts } from '../eventdriven/index.ts';
import { asFailure } from '../runtime/command-failure.ts';
import type { Pool } from '../runtime/database.ts';
import { durationText, table } from './terminal-table.ts';

const everyMs = 1_000;

/** Shows the counts every second until `signal` aborts. Rejects when the first look fails; later ones say so and are tried again. */
export async function watchSagas(
  pool: Pool,
  show: (counts: SagaCounts) => void,
  complain: (why: string) => void,
  signal: AbortSignal,
): Promise<void> {
  show(await countSagas(pool));
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await countSagas(pool).then(show, (error: unknown) => {
      complain(asFailure(error).message);
    });
  }
}

interface Total {
  readonly running: number;
  readonly compensating: number;
  readonly attention: number;
  readonly failed: number;
  /** Of the open ones. */
  readonly oldestMs: number;
}

export function totalOf({ counts }: SagaCounts): Total {
  const sum = (status: string): number =>
    counts.reduce((all, count) => all + (count.status === status ? count.sagas : 0), 0);
  const open = counts.filter(({ status }) => status !== 'FAILED');
  return {
    running: sum('RUNNING'),
    compensating: sum('COMPENSATING'),
    attention: open.reduce((all, { attention }) => all + attention, 0),
    failed: sum('FAILED'),
    oldestMs: open.reduce((oldest, count) => Math.max(oldest, count.oldestMs), 0),
  };
}

/** One line, for a log or a pipe. */
export function watchLine(counts: SagaCounts): string {
  const { running, compensating, attention, failed, oldestMs } = totalOf(counts);
  const oldest = running + compensating === 0 ? '' : `, oldest ${durationText(oldestMs)}`;
  const { orchestration, choreography } = counts.workers;
  return `${counts.at.toISOString()}  open ${running + compensating}: running ${running}, compensating ${compensating}${oldest}  attention ${attention}  given up ${failed}  workers ${orchestration + choreography}\n`;
}

/** A whole screen. Drawn over the last one, so that it does not flicker. */
export function watchScreen(counts: SagaCounts): string {
  const { orchestration, choreography } = counts.workers;
  const places = table(
    ['STYLE', 'STATUS', 'STEP', 'SAGAS', 'OLDEST', 'IN HAND', 'ATTENTION'],
    counts.counts.map((at) => [
      ...[at.style, at.status, at.step, `${at.sagas}`],
      ...[durationText(at.oldestMs), `${at.inHand}`, `${at.attention}`],
    ]),
  );
  const text = `${watchLine(counts)}workers: orchestration ${orchestration}, choreography ${choreography}\n\n${places === '' ? 'no open sagas\n' : places}\nCtrl-C ends this\n`;
  return `\u001B[H${text.replaceAll('\n', '\u001B[K\n')}\u001B[J`;
}
