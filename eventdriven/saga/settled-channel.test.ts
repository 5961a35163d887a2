import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refusalCodes } from '../../domain/errors.ts';
import { openRedis } from '../../runtime/redis.ts';
import { freshRedis } from '../../test/support/services.ts';
import type { SagaEnd } from './saga.ts';
import { parseSettled, settledPublisher, subscribeSettled } from './settled-channel.ts';

const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const ends: fc.Arbitrary<SagaEnd[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('paid' as const), sagaId: id, orderId: id, paymentId: id, amount: id }),
    fc.record({
      kind: fc.constant('refused' as const),
      sagaId: id,
      orderId: id,
      code: fc.constantFrom(...refusalCodes),
    }),
  ),
  { minLength: 1, maxLength: 5 },
);

describe('a message on the settled channel', () => {
  test.each([
    ['no JSON', '{'],
    ['no list', '{"sagaId":1}'],
    ['an outcome nobody knows', '[[1,1,"unsure",1,1]]'],
    ['a refusal nobody knows', '[[1,1,"refused","BECAUSE"]]'],
    ['a payment without its amount', '[[1,1,"paid",1]]'],
  ])('that is %s says nothing', (_, text) => {
    expect(parseSettled(text)).toEqual([]);
  });

  test('that is any text says nothing, and never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => Array.isArray(parseSettled(text))));
  });
});

describe('the settled channel', () => {
  const { url, prefix } = freshRedis();
  const failures: unknown[] = [];
  const complain = (error: unknown) => failures.push(error);
  const [publishing, listening] = [openRedis(url, 'publishing', complain), openRedis(url, 'listening', complain)];
  afterAll(() => {
    publishing.disconnect();
    listening.disconnect();
  });

  test('carries every end of a turn in one message, to the listeners of its own prefix', async () => {
    let messages = 0;
    let heard: SagaEnd[] = [];
    let complete: () => void = () => undefined;
    let wanted = 0;
    await subscribeSettled(listening, prefix, (end) => {
      heard.push(end);
      if (heard.length === wanted) complete();
    });
    listening.on('message', () => messages++);
    const publisher = settledPublisher(publishing, prefix, complain);
    const elsewhere = settledPublisher(publishing, `${prefix}-other`, complain);
    await fc.assert(
      fc.asyncProperty(ends, async (all) => {
        [messages, heard, wanted] = [0, [], all.length];
        const arrived = new Promise<void>((resolve) => (complete = resolve));
        elsewhere.add({ kind: 'refused', sagaId: 1, orderId: 1, code: 'PAYMENT_FAILED' });
        for (const end of all) publisher.add(end);
        await arrived;
        expect(heard).toEqual(all);
        expect(messages).toBeLessThanOrEqual(1); // the counting listener comes after the one that completes
      }),
      { numRuns: 20 },
    );
    await Promise.all([publisher.flushed(), elsewhere.flushed()]);
    expect(failures).toEqual([]);
  });

  test('sends what is left when it is flushed', async () => {
    const arrived = new Promise<SagaEnd>((resolve) => {
      void subscribeSettled(listening, `${prefix}-last`, resolve);
    });
    await listening.subscribe(`${prefix}-last:settled`);
    const publisher = settledPublisher(publishing, `${prefix}-last`, complain);
    const end: SagaEnd = { kind: 'paid', sagaId: 1, orderId: 2, paymentId: 3, amount: 4 };
    publisher.add(end);
    await publisher.flushed();
    expect(await arrived).toEqual(end);
  });

  test('tells who publishes that Redis is gone, and does not throw', async () => {
    const gone = openRedis(url, 'gone', () => undefined);
    const told: unknown[] = [];
    const publisher = settledPublisher(gone, prefix, (error) => told.push(error));
    gone.disconnect();
    publisher.add({ kind: 'refused', sagaId: 1, orderId: 1, code: 'PAYMENT_FAILED' });
    await publisher.flushed();
    await new Promise(setImmediate); // the end of the turn has nothing left to send
    expect(told).toHaveLength(1);
  });
});
