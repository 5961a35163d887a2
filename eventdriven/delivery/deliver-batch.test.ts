import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type BatchPorts, deliverBatch, type TargetFault } from './deliver-batch.ts';
import type { OpenEvent } from './delivery-sql.ts';
import type { Posted } from './post-events.ts';

const event = (event_id: number, order_id = event_id): OpenEvent => ({
  event_id,
  order_id,
  event_type: 'payment.completed',
  event_data: {},
  retry_count: 0,
});
const events = (n: number): OpenEvent[] => Array.from({ length: n }, (_, i) => event(i + 1));

interface Played {
  readonly fault: TargetFault | undefined;
  readonly sent: number[];
  readonly judged: number[];
  readonly posts: number;
}

/** A target that answers each POST by its events and by how many it has had. */
async function play(batch: OpenEvent[], answer: (ids: number[], nth: number) => Posted): Promise<Played> {
  const [sent, judged]: [number[], number[]] = [[], []];
  let posts = 0;
  const ports: BatchPorts = {
    post: async (some) =>
      answer(
        some.map((one) => one.event_id),
        ++posts,
      ),
    sent: async (some) => void sent.push(...some.map((one) => one.event_id)),
    refused: async (one) => void judged.push(one.event_id),
  };
  const fault = await deliverBatch(batch, ports);
  return { fault, sent, judged, posts };
}

const taken: Posted = { kind: 'taken' };
const refused: Posted = { kind: 'refused', error: 'no' };
const broken: Posted = { kind: 'broken', error: 'HTTP 500' };
const unavailable: Posted = { kind: 'unavailable', error: 'gone', retryAfterMs: 7 };
const sorted = (ids: number[]): number[] => [...ids].sort((a, b) => a - b);

describe('a batch', () => {
  test('that is taken is one POST', async () => {
    expect(await play(events(100), () => taken)).toMatchObject({ posts: 1, judged: [], fault: undefined });
  });

  test.each([
    ['refused', refused],
    ['broken', broken],
  ])('with one event that is %s is halved until that one stands alone', async (_, answer) => {
    const { sent, judged, posts, fault } = await play(events(100), (ids) => (ids.includes(42) ? answer : taken));
    expect(judged).toEqual([42]);
    expect(sorted(sent)).toEqual(
      events(100)
        .map((one) => one.event_id)
        .filter((id) => id !== 42),
    );
    expect(fault).toBeUndefined();
    expect(posts).toBeLessThanOrEqual(16);
  });

  test('of which every event is refused is judged one by one', async () => {
    const { judged, fault } = await play(events(5), () => refused);
    expect([sorted(judged), fault]).toEqual([[1, 2, 3, 4, 5], undefined]);
  });

  test('over which the target breaks, as over its halves, is the target’s fault after three POSTs', async () => {
    const { fault, judged, posts } = await play(events(100), () => broken);
    expect([fault?.broken, judged, posts]).toEqual([true, [], 3]);
    expect(fault?.events).toHaveLength(100);
  });

  test('of one event over which the target breaks says nothing about the event', async () => {
    const { fault, judged } = await play(events(1), () => broken);
    expect([fault?.broken, judged]).toEqual([true, []]);
  });

  test('ends when the target is not there any more, and says how long it wants to be left alone', async () => {
    const { fault, posts, judged } = await play(events(8), (_, nth) => (nth === 1 ? refused : unavailable));
    expect(fault).toMatchObject({ error: 'gone', retryAfterMs: 7, broken: false });
    expect([posts, judged]).toEqual([2, []]);
  });

  test('does not hammer a target that breaks in its middle', async () => {
    const { fault, posts } = await play(events(100), (ids, nth) => (nth === 3 || ids.length < 0 ? taken : broken));
    expect(fault?.broken).toBe(true);
    expect(posts).toBeLessThanOrEqual(12);
  });

  test('holds back later events of an order whose earlier one may be at fault', async () => {
    const batch = [event(1, 7), event(2, 8), event(3, 7), event(4, 9)];
    const { sent, judged } = await play(batch, (ids) => (ids.includes(1) ? broken : taken));
    expect([sorted(sent), judged]).toEqual([[2, 4], [1]]);
  });
});

test('an event that was held back holds back those behind it, whoever asks next', async () => {
  const answers = [refused, broken, broken, taken, taken, taken];
  const { sent, judged } = await play(
    [1, 2, 3, 4, 5].map((id) => event(id, 1)),
    (_, nth) => answers[nth - 1] ?? taken,
  );
  expect([sent, judged]).toEqual([[1, 2], []]);
});

test('whatever the target does: order per order, each event sent or judged at most once, POSTs bounded', async () => {
  const kinds = [taken, refused, broken, unavailable] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 60 }),
      async (orders, answers) => {
        const batch = orders.map((order, i) => event(i + 1, order));
        const { sent, judged, posts } = await play(batch, (_, nth) => kinds[answers[nth % answers.length]!]!);
        const settled = [...sent, ...judged];
        expect(new Set(settled).size).toBe(settled.length);
        for (const order of new Set(orders)) {
          const own = batch.filter((one) => one.order_id === order).map((one) => one.event_id);
          const went = sent.filter((id) => own.includes(id));
          expect(went).toEqual(own.slice(0, went.length)); // none overtook another, and nothing passed one that was judged
        }
        expect(posts).toBeLessThanOrEqual(2 * batch.length + 8);
      },
    ),
    { numRuns: 500 },
  );
});
