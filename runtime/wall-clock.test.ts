import { afterEach, describe, expect, test } from '@jest/globals';
import { jumpWallClock, setWallClock } from './wall-clock.ts';

const anHourMs = 3_600_000;
afterEach(() => {
  setWallClock(0);
});

describe('a wall clock that is set', () => {
  const truth = () => performance.timeOrigin + performance.now();
  const off = () =>
    [Date.now(), new Date().getTime(), Date.parse(Date())].map((ms) => Math.round((ms - truth()) / 5_000));

  test.each([
    ['ahead', anHourMs],
    ['behind', -anHourMs],
  ])('is %s for whoever asks what time it is, and right again', (_, ms) => {
    setWallClock(ms);
    expect(off()).toEqual([ms / 5_000, ms / 5_000, ms / 5_000]);
    setWallClock(0);
    expect(off().map(Math.abs)).toEqual([0, 0, 0]);
  });

  test('leaves given moments and the monotonic clock as they are', () => {
    const [given, before] = [new Date(2026, 10, 22), performance.now()];
    setWallClock(anHourMs);
    expect(new Date(2026, 10, 22)).toEqual(given);
    expect(new Date(5).getTime()).toBe(5);
    expect(new Date() instanceof Date).toBe(true);
    expect(Date.UTC(2026, 0)).toBe(1_767_225_600_000);
    expect(performance.now() - before).toBeLessThan(anHourMs / 2);
  });

  test('jumps from one to the next, and ends right', async () => {
    const seen = new Set<number>();
    const jumped = jumpWallClock([anHourMs, -anHourMs], 40);
    const looking = setInterval(() => seen.add(Math.round((Date.now() - truth()) / anHourMs)), 5);
    await jumped;
    clearInterval(looking);
    expect([...seen]).toEqual([1, -1]);
    expect(Math.abs(Date.now() - truth())).toBeLessThan(anHourMs / 2);
  });
});
