import type { Redis } from 'ioredis';
import { z } from 'zod';

import { refusalCodes } from '../../domain/errors.ts';
import type { SagaEnd } from './saga.ts';

/** One message per settled batch. A hint only: who hears nothing finds the answer in Postgres. */
const message = z.array(
  z.union([
    z.tuple([z.int(), z.int(), z.literal('paid'), z.int(), z.int()]),
    z.tuple([z.int(), z.int(), z.literal('refused'), z.enum(refusalCodes)]),
  ]),
);

const channelOf = (keyPrefix: string): string => `${keyPrefix}:settled`;

export interface SettledPublisher {
  /** Sent at the end of this turn, together with everything else that settled in it. */
  add(end: SagaEnd): void;
  flushed(): Promise<void>;
}

/** `loses` is asked before each message whether it gets lost on its way; only an injected fault says yes. */
export function settledPublisher(
  redis: Redis,
  keyPrefix: string,
  onError: (error: unknown) => void,
  loses: (payments: number) => boolean = () => false,
): SettledPublisher {
  let batch: SagaEnd[] = [];
  let sending: Promise<unknown> = Promise.resolve();
  const flush = () => {
    if (batch.length === 0) return; // flushed() was earlier than the end of the turn
    const ends = batch;
    batch = [];
    if (loses(ends.length)) return;
    sending = redis.publish(channelOf(keyPrefix), JSON.stringify(ends.map(toTuple))).catch(onError);
  };
  return {
    add(end) {
      if (batch.length === 0) setImmediate(flush);
      batch.push(end);
    },
    async flushed() {
      if (batch.length > 0) flush();
      await sending;
    },
  };
}

const toTuple = (end: SagaEnd) =>
  end.kind === 'paid'
    ? ([end.sagaId, end.orderId, 'paid', end.paymentId, end.amount] as const)
    : ([end.sagaId, end.orderId, 'refused', end.code] as const);

/** Calls back for every saga that settled. Anything that is not a message of ours is left alone. */
export async function subscribeSettled(redis: Redis, keyPrefix: string, heard: (end: SagaEnd) => void): Promise<void> {
  redis.on('message', (_channel: string, text: string) => {
    for (const end of parseSettled(text)) heard(end);
  });
  await redis.subscribe(channelOf(keyPrefix));
}

export function parseSettled(text: string): readonly SagaEnd[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  const parsed = message.safeParse(json);
  if (!parsed.success) return [];
  return parsed.data.map((tuple) =>
    tuple[2] === 'paid'
      ? { kind: 'paid', sagaId: tuple[0], orderId: tuple[1], paymentId: tuple[3], amount: tuple[4] }
      : { kind: 'refused', sagaId: tuple[0], orderId: tuple[1], code: tuple[3] },
  );
}
