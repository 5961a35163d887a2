import type { SagaTimes } from './recovery.ts';

/** What happened around a fault, in steps of the same length; the fault came between two of them. */
export interface Timeline {
  readonly stepSeconds: number;
  /** Where the first step begins, after the fault: negative. */
  readonly fromSeconds: number;
  /** Sagas that became final, per second, in each step. */
  readonly finalPerSecond: readonly number[];
  /** Sagas that were open where each step begins. */
  readonly open: readonly number[];
}

const stepMs = 250;
/** A saga that never ends must not draw the rest into a corner; nor is a day of steps kept. */
const longestMs = 60_000;

/** From the first payment until the load was over and the last saga final. Null: no fault came. */
export function timelineOf(
  sagas: readonly SagaTimes[],
  { faultAt, loadFrom, loadTo }: { readonly faultAt: number; readonly loadFrom: number; readonly loadTo: number },
): Timeline | null {
  if (faultAt === 0) return null;
  const last = sagas.reduce((latest, { finalAt }) => Math.max(latest, finalAt ?? 0), loadTo);
  const before = Math.ceil((faultAt - loadFrom) / stepMs);
  const after = Math.ceil((Math.min(last, faultAt + longestMs) - faultAt) / stepMs);
  const steps = Math.max(0, before + after);
  const stepOf = (at: number): number => Math.floor((at - faultAt) / stepMs) + before;
  const [finals, change] = [new Array<number>(steps).fill(0), new Array<number>(steps + 1).fill(0)];
  for (const { acceptedAt, finalAt } of sagas) {
    bump(change, Math.max(0, stepOf(acceptedAt) + 1), 1);
    if (finalAt === null) continue;
    bump(finals, stepOf(finalAt), 1);
    bump(change, Math.max(0, stepOf(finalAt) + 1), -1);
  }
  let now = 0;
  return {
    stepSeconds: stepMs / 1_000,
    fromSeconds: (-before * stepMs) / 1_000,
    finalPerSecond: finals.map((count) => (count * 1_000) / stepMs),
    open: finals.map((_, step) => (now += change[step] ?? 0)),
  };
}

const bump = (counts: number[], at: number, by: number): void => {
  const count = counts[at];
  if (count !== undefined) counts[at] = count + by;
};
