import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Batcher, type BatcherOptions } from './batcher.ts';

const fault = (code: string, text = code) => Object.assign(new Error(text), { code });

/** A batcher that multiplies by ten, remembers its batches, and rejects those for which `fails` has a fault. */
function batching(
  options: Partial<BatcherOptions> = {},
  fails: (batch: readonly number[]) => Error | undefined = () => undefined,
) {
  const batches: number[][] = [];
  let running = 0;
  let most = 0;
  const batcher = new Batcher<number, number>(
    async (inputs) => {
      batches.push([...inputs]);
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      const error = fails(inputs);
      if (error !== undefined) throw error;
      return inputs.map((n) => n * 10);
    },
    { maxSize: () => 4, writers: 1, ...options },
  );
  const all = (...inputs: number[]) => Promise.allSettled(inputs.map((n) => batcher.add(n)));
  return { batcher, batches, all, mostAtOnce: () => most };
}

const fulfilled = (value: number) => ({ status: 'fulfilled', value });
const statuses = (settled: readonly { status: string }[]) => settled.map(({ status }) => status[0]).join('');

describe('a batch', () => {
  test('is one payment when there is one, and starts at once', async () => {
    const { batcher, batches } = batching();
    expect(await batcher.add(1)).toBe(10);
    expect(batches).toEqual([[1]]);
  });

  test('is what gathered while the one before it ran, up to the limit, in order of arrival', async () => {
    const { all, batches } = batching();
    await all(1, 2, 3, 4, 5, 6);
    expect(batches).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
  });

  test('follows a limit that changes, and takes one when the limit says none', async () => {
    const limits = [2, 0, 3];
    const { all, batches } = batching({ maxSize: () => limits.shift() ?? 9 });
    await all(1, 2, 3, 4, 5, 6, 7);
    expect(batches).toEqual([[1, 2], [3], [4, 5, 6], [7]]);
  });

  test('answers each payment with its own answer, whatever the sizes, and never runs more at once than it has writers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 500 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 3 }),
        async (inputs, size, writers) => {
          const { all, batches, mostAtOnce } = batching({ maxSize: () => size, writers });
          expect(await all(...inputs)).toEqual(inputs.map((n) => fulfilled(n * 10)));
          expect(batches.flat()).toEqual(inputs);
          expect(Math.max(0, ...batches.map((batch) => batch.length))).toBeLessThanOrEqual(size);
          expect(mostAtOnce()).toBeLessThanOrEqual(writers);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('runs beside another when there are two writers', async () => {
    const { all, mostAtOnce } = batching({ maxSize: () => 1, writers: 2 });
    await all(1, 2, 3);
    expect(mostAtOnce()).toBe(2);
  });
});

describe('a fault', () => {
  test('of the data is halved down to the poisoned payments; all their neighbours go through', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 15 }), { maxLength: 5 }),
        fc.constantFrom('22003', '23514', 'P0001', 'XX000'),
        async (poisoned, code) => {
          const inputs = Array.from({ length: 16 }, (_, n) => n);
          const { all } = batching({ maxSize: () => 16 }, (batch) => {
            const bad = batch.find((n) => poisoned.includes(n));
            return bad === undefined ? undefined : fault(code, `poison ${bad}`);
          });
          const settled = await all(...inputs);
          expect(statuses(settled)).toBe(inputs.map((n) => (poisoned.includes(n) ? 'r' : 'f')).join(''));
          for (const n of poisoned) expect(settled[n]).toMatchObject({ reason: { message: `poison ${n}` } });
        },
      ),
      { numRuns: 25 },
    );
  });

  test.each(['40001', '40P01'])('%s sends the same batch again, as it was, and tells of it', async (code) => {
    let left = 2;
    const told: unknown[] = [];
    const { all, batches } = batching({ onRetry: (error) => told.push(error) }, () =>
      left-- > 0 ? fault(code) : undefined,
    );
    expect(await all(1, 2)).toEqual([fulfilled(10), fulfilled(20)]);
    expect(batches).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(told).toHaveLength(2);
  });

  test('that does not stop being 40001 is given up after so many tries, and never bisected', async () => {
    const { all, batches } = batching({ maxAttempts: 3 }, () => fault('40001'));
    expect(statuses(await all(1, 2))).toBe('rr');
    expect(batches).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  test('has ten tries unless told otherwise', async () => {
    const { all, batches } = batching({}, () => fault('40P01'));
    await all(1);
    expect(batches).toHaveLength(10);
  });

  test.each(['08006', 'ECONNRESET', '57014', '55P03'])(
    '%s says nothing about one payment: all of the batch fail, nothing is sent again',
    async (code) => {
      const { all, batches } = batching({}, () => fault(code));
      expect(statuses(await all(1, 2, 3))).toBe('rrr');
      expect(batches).toHaveLength(1);
    },
  );

  test('of one batch does not touch the next', async () => {
    const { all } = batching({ maxSize: () => 1 }, ([n]) => (n === 2 ? fault('08006') : undefined));
    expect(statuses(await all(1, 2, 3))).toBe('frf');
  });
});

describe('drained', () => {
  test('comes at once when there is nothing', async () => {
    await expect(batching().batcher.drained()).resolves.toBeUndefined();
  });

  test('waits for what runs and for what waits, failures included', async () => {
    const { batcher, all, batches } = batching({ maxSize: () => 1 }, ([n]) => (n === 2 ? fault('08006') : undefined));
    let settled = false;
    const work = all(1, 2, 3).then(() => (settled = true));
    expect(batcher.waiting).toBe(3);
    await Promise.all([batcher.drained(), batcher.drained()]);
    await work;
    expect(settled).toBe(true);
    expect(batches).toHaveLength(3);
    expect(batcher.waiting).toBe(0);
  });
});
