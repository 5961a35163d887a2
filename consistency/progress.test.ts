import { expect, test } from '@jest/globals';
import { progressOn } from './progress.ts';

function shown(isTerminal: boolean): string {
  let err = '';
  const io = { env: {}, out: () => undefined, err: (text: string) => void (err += text), isTerminal };
  const { show, clear } = progressOn(io);
  show({ subject: 'order', done: 0, of: 3 });
  show({ subject: 'saga', done: 0, of: 3 });
  show({ subject: 'saga', done: 1, of: 3 });
  show({ subject: 'stock', done: 1, of: 3 });
  show({ subject: 'order', done: 2, of: 3 });
  show({ subject: 'stock', done: 3, of: 3 });
  clear();
  return err;
}

test('a terminal has one line that is written over and wiped at the end', () => {
  expect(shown(true).split('\r\x1b[K').slice(1)).toEqual([
    '0 of 3 done, now order',
    '0 of 3 done, now order and saga',
    '1 of 3 done, now order',
    '1 of 3 done, now order and stock',
    '2 of 3 done, now stock',
    '3 of 3 done',
    '',
  ]);
});

test('elsewhere each subject that is done has a line', () => {
  expect(shown(false)).toBe('1 of 3 done: saga\n2 of 3 done: order\n3 of 3 done: stock\n');
});

test('nothing is wiped where nothing was shown', () => {
  let err = '';
  progressOn({ env: {}, out: () => undefined, err: (text) => void (err += text), isTerminal: true }).clear();
  expect(err).toBe('');
});
