import { expect, test } from '@jest/globals';
import { createWorkInHand } from './work-in-hand.ts';

test('is settled when everything has ended, what was added meanwhile and what failed included', async () => {
  const inHand = createWorkInHand();
  await inHand.settled();
  let end: () => void = () => undefined;
  const first = inHand.add(new Promise<void>((resolve) => (end = resolve)));
  let second: Promise<void> | undefined;
  const order: string[] = [];
  const follow = first.then(() => {
    order.push('first');
    second = inHand.add(
      Promise.resolve().then(() => {
        order.push('second');
        throw new Error('failed');
      }),
    );
  });
  const settled = inHand.settled().then(() => order.push('settled'));
  end();
  await follow;
  await expect(second).rejects.toThrow('failed');
  await settled;
  expect(order).toEqual(['first', 'second', 'settled']);
});
