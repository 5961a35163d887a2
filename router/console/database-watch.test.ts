import { describe, expect, test } from '@jest/globals';
import { watchDatabase } from './database-watch.ts';
import type { DatabaseFigures } from './figures-sql.ts';

const figures = (running: number) => ({ sagas: { running } }) as unknown as DatabaseFigures;

/** A watch of answers that the test gives by hand. */
function watched() {
  const asked: { answer: (running: number) => void; fail: () => void }[] = [];
  const clock = { ms: 0 };
  let [opened, closed] = [0, 0];
  const watch = watchDatabase(
    () => {
      opened += 1;
      return {
        read: () =>
          new Promise((resolve, reject) => {
            asked.push({
              answer: (running) => {
                resolve(figures(running));
              },
              fail: () => {
                reject(new Error('away'));
              },
            });
          }),
        close: async () => {
          closed += 1;
        },
      };
    },
    () => clock.ms,
  );
  return { watch, asked, clock, counts: () => ({ opened, closed }) };
}

describe('watching the database', () => {
  test('asks one question at a time and tells the age of the answer from when it was asked', async () => {
    const { watch, asked, clock } = watched();
    expect(watch.state()).toEqual({ ageMs: null, reachable: true, figures: null });
    const [first, second] = [watch.refresh(), watch.refresh()];
    expect(asked).toHaveLength(1);
    clock.ms = 400;
    asked[0]?.answer(3);
    await Promise.all([first, second]);
    expect(watch.state()).toEqual({ ageMs: 400, reachable: true, figures: figures(3) });
  });

  test('keeps the figures when the database is away, says so, and recovers', async () => {
    const { watch, asked, clock } = watched();
    const first = watch.refresh();
    asked[0]?.answer(3);
    await first;
    clock.ms = 1_000;
    const second = watch.refresh();
    asked[1]?.fail();
    await second;
    expect(watch.state()).toEqual({ ageMs: 1_000, reachable: false, figures: figures(3) });
    const third = watch.refresh();
    asked[2]?.answer(4);
    await third;
    expect(watch.state()).toEqual({ ageMs: 0, reachable: true, figures: figures(4) });
  });

  test('an answer that does not come counts as none', () => {
    const { watch, clock } = watched();
    void watch.refresh();
    clock.ms = 2_499;
    expect(watch.state().reachable).toBe(true);
    clock.ms = 2_500;
    expect(watch.state().reachable).toBe(false);
  });

  test('opens when first asked, closes once, and opens anew', async () => {
    const { watch, asked, counts } = watched();
    await watch.close();
    expect(counts()).toEqual({ opened: 0, closed: 0 });
    const first = watch.refresh();
    asked[0]?.answer(1);
    await first;
    await watch.close();
    await watch.close();
    expect(counts()).toEqual({ opened: 1, closed: 1 });
    const second = watch.refresh();
    asked[1]?.answer(2);
    await second;
    expect(counts()).toEqual({ opened: 2, closed: 1 });
  });
});
