import { expect, test } from '@jest/globals';
import { proposalsText } from './repair-text.ts';

test('proposals can be read: no safe repair says why and where to look', () => {
  const finding = {
    code: 'B3',
    subject: 'balance ledger entry',
    id: '7',
    orderId: null,
    ref: 'B3:7',
    why: 'because',
    look: 'there',
  };
  expect(proposalsText({ findings: [finding], more: 2 })).toBe(
    `B3:7  (balance ledger entry 7)\n  no safe repair: because\n  look at: there\n\n1 findings: 0 can be repaired, 1 can't by this command\n2 more were not looked into: raise --limit, or narrow by --codes\n`,
  );
});
