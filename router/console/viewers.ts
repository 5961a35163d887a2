import type { ServerResponse } from 'node:http';

/** The open event streams. Each event is a whole snapshot, so one that is skipped is not missed. */
export interface Viewers {
  count(): number;
  full(): boolean;
  /** Takes over a response whose head is written. */
  admit(res: ServerResponse): void;
  /** The same text to all of them. */
  send(event: string): void;
  closeAll(): void;
}

export interface ViewerLimits {
  readonly viewers: number;
  /** Events in a row that one may fail to take before it is cut off. */
  readonly skipped: number;
}

/** Milliseconds after which a browser that lost the stream asks again. */
const retryMs = 1_000;

export function createViewers({ viewers: limit, skipped: patience }: ViewerLimits, onLast: () => void): Viewers {
  const skipped = new Map<ServerResponse, number>();
  return {
    count: () => skipped.size,
    full: () => skipped.size >= limit,
    admit(res) {
      skipped.set(res, 0);
      res.once('close', () => {
        skipped.delete(res);
        if (skipped.size === 0) onLast();
      });
      res.on('error', () => undefined); // A viewer that is gone is no news.
      res.write(`retry: ${retryMs}\n\n`);
    },
    send(event) {
      for (const [res, times] of skipped) {
        // What one has not read yet is at most one event: a second one is not queued behind it.
        if (!res.writableNeedDrain) {
          skipped.set(res, 0);
          res.write(event);
        } else if (times + 1 < patience) skipped.set(res, times + 1);
        else res.destroy();
      }
    },
    closeAll() {
      for (const res of skipped.keys()) {
        if (res.writableLength > 0) res.destroy();
        else res.end();
      }
    },
  };
}
