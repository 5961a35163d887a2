/** Requests that wait for their payment to become final, each for a limited time. */
export interface HeldRequests {
  /** Resolves with what the work resolves with, or `still open` at the limit or at `releaseAll`. Rejects as the work does. */
  hold<T>(work: Promise<T>, limitMs: number): Promise<T | typeof stillOpen>;
  /** For shutdown: answer everybody now. */
  releaseAll(): void;
}

export const stillOpen = Symbol('still open');

export function createHeldRequests(): HeldRequests {
  const held = new Set<() => void>();
  let released = false;
  return {
    hold: <T>(work: Promise<T>, limitMs: number) =>
      new Promise<T | typeof stillOpen>((resolve, reject) => {
        const giveUp = (): void => {
          held.delete(giveUp);
          clearTimeout(timer);
          resolve(stillOpen);
        };
        const timer = setTimeout(giveUp, released ? 0 : limitMs);
        held.add(giveUp);
        const done = (): void => {
          held.delete(giveUp);
          clearTimeout(timer);
        };
        work.then(
          (result) => {
            done();
            resolve(result);
          },
          (error: unknown) => {
            done();
            reject(error);
          },
        );
      }),
    releaseAll() {
      released = true;
      for (const giveUp of [...held]) giveUp();
    },
  };
}
