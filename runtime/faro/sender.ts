import type { EventResult } from '../telemetry.ts';

export interface SenderOptions<Item> {
  /** Delivers them or rejects; a SinkFault says why. */
  readonly post: (items: readonly Item[], signal: AbortSignal) => Promise<void>;
  /** The sink's name in what is said about it. */
  readonly sink: string;
  readonly say: (line: string) => void;
  readonly count?: ((result: EventResult, items: number) => void) | undefined;
  readonly limits?: Partial<SenderLimits>;
}

export interface SenderLimits {
  /** Items that wait; the oldest gives way to the newest. */
  readonly buffered: number;
  readonly perPost: number;
  /** One while the sink is failing. */
  readonly postsInFlight: number;
  readonly timeoutMs: number;
  /** How long an item waits for others to travel with. */
  readonly gatherMs: number;
  /** After a failure, doubled with each one up to the longest. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  readonly stopMs: number;
}

const senderLimits: SenderLimits = {
  buffered: 500,
  perPost: 20,
  postsInFlight: 4,
  timeoutMs: 2_000,
  gatherMs: 250,
  pauseMs: 1_000,
  longestPauseMs: 30_000,
  stopMs: 3_000,
};

/** The sink did not take it. */
export class SinkFault extends Error {
  override readonly name = 'SinkFault';
  readonly retryAfterMs: number;

  constructor(why: string, retryAfterMs = 0) {
    super(why);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Sender<Item> {
  add(item: Item): void;
  flush(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Sends items in small batches, in the background, to somebody who may be slow or gone. An item is sent once: a sink
 * that failed gets later ones, never the same again. No timer of it keeps the process alive, only a post in flight does.
 */
export function createSender<Item>({ post, sink, say, count, ...options }: SenderOptions<Item>): Sender<Item> {
  const limits = { ...senderLimits, ...options.limits };
  const inFlight = new Map<Promise<void>, AbortController>();
  let buffer: Item[] = [];
  let timer: NodeJS.Timeout | undefined;
  let failures = 0; // in a row
  let lost = 0; // and not spoken of
  let resumeAt = 0;
  let closed = false;
  let stopping: Promise<void> | undefined;

  function drop(items: number): void {
    if (items === 0) return;
    lost += items;
    count?.('dropped', items);
  }

  function launch(): void {
    const items = buffer.splice(0, limits.perPost);
    const cut = new AbortController();
    // Not unref'd: it is what ends a post that keeps the process alive.
    const patience = setTimeout(() => {
      cut.abort(new SinkFault(`does not answer within ${limits.timeoutMs / 1_000} s`));
    }, limits.timeoutMs);
    const posted = attempt(items, cut.signal).finally(() => {
      clearTimeout(patience);
      inFlight.delete(posted);
      schedule();
    });
    inFlight.set(posted, cut);
  }

  async function attempt(items: readonly Item[], signal: AbortSignal): Promise<void> {
    try {
      await post(items, signal);
    } catch (fault) {
      failed(items.length, fault);
      return;
    }
    delivered(items.length);
  }

  function delivered(items: number): void {
    count?.('sent', items);
    if (failures === 0) return;
    say(`${sink} answers again; ${lost} events were dropped`);
    failures = 0;
    lost = 0;
  }

  function failed(items: number, fault: unknown): void {
    drop(items);
    if (closed) return;
    failures += 1;
    const { message, retryAfterMs } = fault instanceof SinkFault ? fault : new SinkFault('fails');
    if (failures === 1) say(`${sink} ${message}; events are dropped until it answers, nothing else waits for it`);
    const pauseMs = Math.max(retryAfterMs, limits.pauseMs * 2 ** (failures - 1));
    resumeAt = performance.now() + Math.min(limits.longestPauseMs, pauseMs);
  }

  function launchAll(): void {
    while (buffer.length > 0 && inFlight.size < (failures > 0 ? 1 : limits.postsInFlight)) launch();
  }

  function schedule(): void {
    if (timer !== undefined || buffer.length === 0 || closed) return;
    const fire = (): void => {
      timer = undefined;
      launchAll();
    };
    timer = setTimeout(fire, Math.max(limits.gatherMs, resumeAt - performance.now())).unref();
  }

  async function flush(signal: AbortSignal): Promise<void> {
    const before = failures;
    const aborted = whenAborted(signal);
    // One that fails now ends it: the rest would only fail, too, each after its time-out.
    while (!signal.aborted && (inFlight.size > 0 || (buffer.length > 0 && failures <= before))) {
      if (failures <= before) launchAll();
      await Promise.race([...inFlight.keys(), aborted]);
    }
  }

  async function stop(): Promise<void> {
    await flush(AbortSignal.timeout(limits.stopMs));
    closed = true;
    clearTimeout(timer);
    drop(buffer.length);
    buffer = [];
    for (const cut of inFlight.values()) cut.abort();
    await Promise.all(inFlight.keys());
    if (failures === 0 && lost > 0) say(`${sink} was too slow: ${lost} events were dropped`);
  }

  return {
    add(item) {
      if (stopping !== undefined) {
        drop(1);
        return;
      }
      if (buffer.push(item) > limits.buffered) {
        buffer.shift();
        drop(1);
      }
      if (buffer.length >= limits.perPost && performance.now() >= resumeAt) launchAll();
      else schedule();
    },
    flush,
    stop: () => (stopping ??= stop()),
  };
}

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
