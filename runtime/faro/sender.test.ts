import { describe, expect, test } from '@jest/globals';
import { createSender, type SenderLimits, SinkFault } from './sender.ts';

/** A sink in the hands of the test: each post waits for its answer. */
function stage(limits: Partial<SenderLimits> = {}) {
  const posts: { items: readonly number[]; signal: AbortSignal; ok(): void; fail(fault?: unknown): void }[] = [];
  const said: string[] = [];
  const counted = { sent: 0, dropped: 0 };
  const sender = createSender<number>({
    post: (items, signal) =>
      new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
        posts.push({ items, signal, ok: resolve, fail: reject });
      }),
    sink: 'the sink',
    say: (line) => said.push(line),
    count: (result, items) => (counted[result] += items),
    limits: { gatherMs: 1, pauseMs: 1, longestPauseMs: 1, ...limits },
  });
  const add = (count: number, from = 0): void => {
    for (let i = 0; i < count; i += 1) sender.add(from + i);
  };
  /** The test's own time-out is the limit. */
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { sender, posts, said, counted, add, until };
}
const forever = new AbortController().signal;

describe('the sender', () => {
  test('gathers what comes within a moment into one post', async () => {
    const { sender, posts, add, until, counted } = stage();
    add(3);
    expect(posts).toHaveLength(0);
    await until(() => posts.length === 1);
    expect(posts[0]?.items).toEqual([0, 1, 2]);
    posts[0]?.ok();
    await sender.stop();
    expect(counted).toEqual({ sent: 3, dropped: 0 });
  });

  test('what the buffer does not hold is dropped, the oldest first, and counted', async () => {
    const { sender, posts, counted, add, until, said } = stage({ buffered: 10 });
    add(100);
    await until(() => posts.length > 0);
    expect(posts[0]?.items).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    expect(counted.dropped).toBe(90);
    posts[0]?.ok();
    await sender.stop();
    expect(said).toEqual(['the sink was too slow: 90 events were dropped']);
  });

  test('never has more than four posts in flight, whatever is added', async () => {
    const { sender, posts, counted, add, until } = stage();
    add(400);
    expect(posts).toHaveLength(4);
    for (const post of posts.slice(0, 4)) post.ok();
    await until(() => posts.length === 8);
    const stopped = sender.stop();
    for (let done = 0; counted.sent < 400; done += 1) {
      await until(() => posts.length > done);
      expect(posts.length - done).toBeLessThanOrEqual(8);
      posts[done]?.ok();
      await new Promise(setImmediate);
    }
    await stopped;
    expect(posts.flatMap(({ items }) => items)).toEqual(Array.from({ length: 400 }, (_none, i) => i));
  });

  test('says once that the sink fails and once that it is back, with what was lost; tries one post at a time meanwhile', async () => {
    const { sender, posts, said, counted, add, until } = stage();
    add(20);
    posts[0]?.fail(new SinkFault('answers 500'));
    await until(() => counted.dropped === 20);
    add(60, 20);
    await until(() => posts.length === 2);
    expect(posts).toHaveLength(2);
    posts[1]?.fail(new TypeError('secret'));
    await until(() => posts.length === 3);
    expect(said).toEqual(['the sink answers 500; events are dropped until it answers, nothing else waits for it']);
    posts[2]?.ok();
    await until(() => posts.length === 4);
    posts[3]?.ok();
    await sender.stop();
    expect(said.slice(1)).toEqual(['the sink answers again; 40 events were dropped']);
    expect(counted).toEqual({ sent: 40, dropped: 40 });
  });

  test('heeds a Retry-After', async () => {
    const { sender, posts, counted, add, until } = stage({ longestPauseMs: 60_000 });
    add(20);
    posts[0]?.fail(new SinkFault('answers 429', 60_000));
    await until(() => counted.dropped === 20);
    add(20);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(posts).toHaveLength(1);
    const stopped = sender.stop(); // the last chance: tried nevertheless
    await until(() => posts.length === 2);
    posts[1]?.ok();
    await stopped;
    expect(counted).toEqual({ sent: 20, dropped: 20 });
  });

  test('cuts a post off that gets no answer', async () => {
    const { sender, said, counted, add, until } = stage({ timeoutMs: 10 });
    add(1);
    await until(() => counted.dropped === 1);
    expect(said).toEqual([
      'the sink does not answer within 0.01 s; events are dropped until it answers, nothing else waits for it',
    ]);
    await sender.stop();
  });

  test('a flush ends with the first failure instead of waiting for one time-out after the other', async () => {
    const { sender, posts, counted, add, until } = stage();
    add(400);
    const flushed = sender.flush(forever);
    for (const post of [...posts]) post.fail();
    await flushed;
    expect(posts).toHaveLength(4);
    const stopped = sender.stop();
    await until(() => posts.length === 5); // one more try
    posts[4]?.fail();
    await stopped;
    expect(counted).toEqual({ sent: 0, dropped: 400 });
  });

  test('a stop is bounded: what hangs then is cut off, the rest dropped, what comes later too', async () => {
    const { sender, posts, said, counted, add } = stage({ stopMs: 10 });
    add(100);
    const stopping = sender.stop();
    expect(sender.stop()).toBe(stopping);
    add(5);
    await stopping;
    expect(posts.every(({ signal }) => signal.aborted)).toBe(true);
    expect(counted).toEqual({ sent: 0, dropped: 105 });
    expect(said).toEqual(['the sink was too slow: 105 events were dropped']);
    add(5);
    expect(counted.dropped).toBe(110);
  });

  test('an aborted flush returns, and drops nothing', async () => {
    const { sender, posts, counted, add } = stage();
    add(20);
    await sender.flush(AbortSignal.abort());
    const cut = new AbortController();
    const flushed = sender.flush(cut.signal);
    cut.abort();
    await flushed;
    expect(counted).toEqual({ sent: 0, dropped: 0 });
    posts[0]?.ok();
    await sender.stop();
    expect(counted.sent).toBe(20);
  });
});
