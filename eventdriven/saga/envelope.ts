import { z } from 'zod';

import type { Saga } from './saga.ts';

/** Many sagas of one version in one job: a job costs about 0.26 ms of CPU whatever it carries. */
export interface Envelope {
  readonly version: number;
  readonly sagas: readonly (readonly unknown[])[];
}

const numbers = z.array(z.int());
const schema = z.object({
  version: z.int().default(1), // There was only one when envelopes did not say.
  sagas: z.array(
    z.union([
      z.tuple([z.int(), z.int(), z.int(), z.int(), z.int().nullable()]),
      z.tuple([z.int(), z.int(), z.int(), z.int(), z.int().nullable(), z.int(), z.int(), numbers, numbers]),
    ]),
  ),
});

export const pack = (version: number, sagas: readonly Saga[]): Envelope => ({
  version,
  sagas: sagas.map(({ sagaId, epoch, orderId, userId, couponId, facts }) => [
    ...[sagaId, epoch, orderId, userId, couponId],
    ...(facts ? [facts.due, facts.discount, facts.products, facts.qtys] : []),
  ]),
});

/** Throws when the job is not an envelope of ours: its sagas, if any, stand in Postgres and are found by the rescuer. */
export function unpack(data: unknown): readonly Saga[] {
  const { version, sagas } = schema.parse(data);
  return sagas.map((tuple) => {
    const [sagaId, epoch, orderId, userId, couponId] = tuple;
    const saga = { sagaId, epoch, orderId, userId, couponId, version };
    if (tuple.length === 5) return saga;
    const [, , , , , due, discount, products, qtys] = tuple;
    return { ...saga, facts: { due, discount, products, qtys } };
  });
}
