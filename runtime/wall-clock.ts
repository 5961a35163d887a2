import { setTimeout as sleep } from 'node:timers/promises';

/** The machine's own clock, whatever has been done to this process's. */
const machineDate = Date;
const machineNow = Date.now;

let aheadMs = 0;
const now = (): number => machineNow.call(machineDate) + aheadMs;

/** What `Date` is while the clock is off: the same class, with another present. */
const offDate = new Proxy(machineDate, {
  construct: (target, given: unknown[], newTarget) =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as object,
  apply: () => new offDate().toString(),
});

/**
 * Sets the wall clock of this process so far ahead of the machine's, or behind; 0 puts it right. Everybody in the process sees it,
 * BullMQ and redlock included, as they would a clock that somebody sets. Timers and `performance.now()` are monotonic clocks, and
 * stay. A `Date.now` that was kept as a function before goes on as the machine's.
 */
export function setWallClock(ms: number): void {
  aheadMs = ms;
  globalThis.Date = ms === 0 ? machineDate : offDate;
  machineDate.now = ms === 0 ? machineNow : now;
}

/** Sets it so far ahead, one after the other, leaves it there for so long each, and puts it right. Keeps no process alive. */
export async function jumpWallClock(ahead: readonly number[], eachMs: number): Promise<void> {
  for (const ms of ahead) {
    setWallClock(ms);
    await sleep(eachMs, undefined, { ref: false });
  }
  setWallClock(0);
}
