import { type Job, Queue } from 'bullmq';
import { failedJobsKeptMs } from './config.ts';
import { redisReconnect } from './redis.ts';
import { WakeUpWorker } from './wake-up-worker.ts';

export interface QueueOptions {
  readonly redisUrl: string;
  /** Of every key: tools that share a Redis do not meet. */
  readonly prefix: string;
  readonly name: string;
  readonly onError?: (error: Error) => void;
}

export interface WorkerOptions extends QueueOptions {
  /** Jobs in hand at once. */
  readonly concurrency: number;
  /** A job of a worker that died is given to another after this, default 5 s. Postgres' rescuer is the one that must find it. */
  readonly stalledAfterMs?: number;
}

/** BullMQ's default is one attempt, no back-off and every finished job kept for ever. */
const jobOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 100, jitter: 0.5 },
  removeOnComplete: { count: 100, age: 3_600 },
  removeOnFail: { count: 1_000, age: failedJobsKeptMs / 1_000 },
};

/** A connection of its own each: BullMQ blocks on it, and closes only what it opened itself. */
const connection = (url: string) => ({ url, maxRetriesPerRequest: null, retryStrategy: redisReconnect });

/** Close with `close()`. */
export function openQueue<Data>({ redisUrl, prefix, name, onError = ignore }: QueueOptions): Queue<Data> {
  const queue = new Queue<Data>(name, {
    connection: connection(redisUrl),
    prefix,
    defaultJobOptions: jobOptions,
    streams: { events: { maxLen: 1_000 } },
  });
  queue.on('error', onError);
  return queue;
}

/** `close()` waits for the jobs in hand. A handler that rejects has its job tried again; one that takes long is called twice. */
export function openWorker<Data>(
  options: WorkerOptions,
  handle: (job: Job<Data>) => Promise<unknown>,
): WakeUpWorker<Data> {
  const stalledAfterMs = options.stalledAfterMs ?? 5_000;
  const worker = new WakeUpWorker<Data>(options.name, handle, {
    connection: connection(options.redisUrl),
    prefix: options.prefix,
    concurrency: options.concurrency,
    stalledInterval: stalledAfterMs,
    maxStalledCount: 5,
    removeOnComplete: jobOptions.removeOnComplete,
    removeOnFail: jobOptions.removeOnFail,
  });
  worker.on('error', options.onError ?? ignore);
  return worker;
}

const ignore = (): void => undefined;
