export interface Stoppable {
  stop(): Promise<void>;
}

const stopLimitMs = 10_000;
/** Ctrl-C reaches the whole process group, and then the parent tells its children again: that is still the first signal. */
const sameSignalMs = 500;

/**
 * Runs until SIGINT or SIGTERM, then stops and returns. A second signal, or a stop that takes longer than 10 s,
 * leaves at once with 1. A signal during the start waits for it to finish, so that nothing it began is left behind.
 */
export async function runUntilSignal(start: () => Promise<Stoppable>): Promise<void> {
  let leave: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (leave = resolve));
  let toldAt: number | undefined;
  let patience: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    const now = performance.now();
    if (toldAt !== undefined) {
      if (now - toldAt > sameSignalMs) process.exit(1);
      return;
    }
    toldAt = now;
    patience = setTimeout(() => process.exit(1), stopLimitMs);
    leave();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const running = await start();
    await told;
    await running.stop();
  } finally {
    clearTimeout(patience);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Stops in reverse order of start. Every part is stopped even when one fails; the first failure is thrown at the end. */
export async function stopInReverse(parts: readonly Stoppable[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of [...parts].reverse()) {
    try {
      await part.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** The line on stdout by which a parent process learns that this one is up. */
export function announceReady(
  name: string,
  url: string,
  write: (line: string) => unknown = (line) => process.stdout.write(line),
): void {
  write(`${JSON.stringify({ ready: true, name, url, pid: process.pid })}\n`);
}
