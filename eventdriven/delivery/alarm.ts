/** A wait that can be ended early. One waiter at a time. */
export interface Alarm {
  after(ms: number): Promise<void>;
  /** Ends the wait under way, or the next one if there is none. */
  ring(): void;
}

export function openAlarm(): Alarm {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    async after(ms) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = undefined;
      rung = false;
    },
    ring() {
      rung = true;
      wake?.();
    },
  };
}
