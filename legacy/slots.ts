/** At most `size` pieces of work at once, the rest in the order they came. */
export interface Slots {
  run<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * As many as there are connections: what is timed inside a slot never includes waiting for a connection, which would
 * count as lock hold although nothing is locked yet.
 */
export function createSlots(size: number): Slots {
  const waiting: (() => void)[] = [];
  let free = size;
  return {
    async run(work) {
      if (free > 0) free -= 1;
      else await new Promise<void>((take) => waiting.push(take));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
