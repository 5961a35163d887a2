/** When each request of an open loop was due, and when those were that could not be sent. */
export interface Schedule {
  /** One per request, in the order of their start. */
  readonly intendedAt: readonly number[];
  readonly unservedAt: readonly number[];
}

/** A hair, for sums of floating-point periods. */
const epsilon = 1e-6;

/**
 * Lays requests on the even schedule they were sent by. Nothing starts before it is due, so the one that was least late
 * shows where the schedule begins. When none was left out, the n-th request belongs to the n-th tick. Else the generator has
 * skipped ticks without saying which: each request takes the last free tick at or before its start, from the last one back,
 * which is exact while requests are sent within a period of when they were due.
 *
 * @param startedAt ascending, in ms
 */
export function placeOnSchedule(startedAt: readonly number[], periodMs: number, unserved: number): Schedule {
  if (startedAt.length === 0) return { intendedAt: [], unservedAt: [] };
  const begins = startedAt.reduce((least, at, i) => Math.min(least, at - i * periodMs), Infinity);
  const ticks = unserved === 0 ? startedAt.map((_, i) => i) : lastFreeTicks(startedAt, begins, periodMs, unserved);
  const taken = new Set(ticks);
  const all = Array.from({ length: startedAt.length + unserved }, (_, tick) => tick);
  const at = (tick: number) => begins + tick * periodMs;
  return { intendedAt: ticks.map(at), unservedAt: all.filter((tick) => !taken.has(tick)).map(at) };
}

function lastFreeTicks(startedAt: readonly number[], begins: number, periodMs: number, unserved: number): number[] {
  let free = startedAt.length + unserved - 1;
  const ticks = startedAt.toReversed().map((at) => {
    const tick = Math.min(free, Math.floor((at - begins) / periodMs + epsilon));
    free = tick - 1;
    return tick;
  });
  return ticks.reverse();
}
