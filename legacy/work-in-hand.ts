/** What has been begun and not ended, so that `stop()` can wait for it. */
export interface WorkInHand {
  add<T>(work: Promise<T>): Promise<T>;
  /** Resolves when all of it has ended, well or not. */
  settled(): Promise<void>;
}

export function createWorkInHand(): WorkInHand {
  const open = new Set<Promise<unknown>>();
  return {
    add(work) {
      open.add(work);
      const end = () => void open.delete(work);
      work.then(end, end);
      return work;
    },
    async settled() {
      while (open.size > 0) await Promise.allSettled(open);
    },
  };
}
