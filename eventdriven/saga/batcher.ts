import { isPoison, isRetryable } from './faults.ts';

export interface BatcherOptions {
  /** Upper bound of the next batch; a batch is what gathered while the previous one ran. */
  readonly maxSize: () => number;
  /** How many batches may run at once. One, unless a batch mostly sleeps (added processing time). */
  readonly writers: number;
  /** Tries of one batch when it is refused for serialization or deadlock. Default 10. */
  readonly maxAttempts?: number;
  readonly onRetry?: (error: unknown) => void;
}

interface Waiting<In, Out> {
  readonly input: In;
  readonly resolve: (out: Out) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Natural batching: a batch starts the moment the previous one has committed, with whatever waits by then. At low load
 * that is one payment, at once; at high load it grows and shares statement and fsync. `run` answers in input order.
 */
export class Batcher<In, Out> {
  readonly #waiting: Waiting<In, Out>[] = [];
  readonly #run: (inputs: readonly In[]) => Promise<readonly Out[]>;
  readonly #options: BatcherOptions;
  #running = 0;
  #scheduled = false;
  #idle: (() => void)[] = [];

  constructor(run: (inputs: readonly In[]) => Promise<readonly Out[]>, options: BatcherOptions) {
    this.#run = run;
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  add(input: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing runs. */
  async drained(): Promise<void> {
    if (this.#running === 0 && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Starts batches at the end of this turn, so that the rest of the turn's payments join the first. */
  #schedule(): void {
    if (this.#scheduled || this.#running >= this.#options.writers) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#start();
    });
  }

  #start(): void {
    while (this.#running < this.#options.writers && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, Math.max(1, this.#options.maxSize()));
      this.#running++;
      void this.#settle(batch).then(() => {
        this.#running--;
        this.#start();
        if (this.#running === 0 && this.#waiting.length === 0) for (const done of this.#idle.splice(0)) done();
      });
    }
  }

  /** Never rejects. A fault of the data halves the batch until the poisoned payment stands alone; its neighbours go through. */
  async #settle(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const outs = await this.#attempt(batch.map((item) => item.input));
      batch.forEach((item, i) => {
        item.resolve(outs[i] as Out);
      });
    } catch (error) {
      if (batch.length === 1 || !isPoison(error)) {
        for (const item of batch) item.reject(error);
        return;
      }
      const half = batch.length >> 1;
      await this.#settle(batch.slice(0, half));
      await this.#settle(batch.slice(half));
    }
  }

  async #attempt(inputs: readonly In[]): Promise<readonly Out[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#run(inputs);
      } catch (error) {
        if (!isRetryable(error) || attempt >= (this.#options.maxAttempts ?? 10)) throw error;
        this.#options.onRetry?.(error);
      }
    }
  }
}
