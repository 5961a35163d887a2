import type { Severity } from '../catalogue/invariant.ts';

interface Rule {
  readonly code: string;
  readonly severity: Severity;
  /** What is true when nothing differs. */
  readonly sentence: string;
}

/** What is rebuilt from nothing and compared with its table. */
export const fromEventsRules = [
  {
    code: 'F1',
    severity: 'process',
    sentence: 'Status and refusal of an order are what its events say, which are whole and follow each other.',
  },
  {
    code: 'F2',
    severity: 'money',
    sentence: 'Owner, amounts and coupon of an order are what its events say, as far as they say it.',
  },
  { code: 'F3', severity: 'money', sentence: 'A saga’s payment is the one its payment.completed says.' },
  { code: 'F4', severity: 'money', sentence: 'A balance is its ledger, folded entry by entry.' },
  { code: 'F5', severity: 'stock', sentence: 'A stock is its ledger, folded.' },
  { code: 'F6', severity: 'money', sentence: 'A snapshot of a balance is what its ledger says at its version.' },
  {
    code: 'F7',
    severity: 'process',
    sentence: 'The list of a user’s payments holds every payment up to its position, as it is, and no other.',
  },
] as const satisfies readonly Rule[];
export type RuleCode = (typeof fromEventsRules)[number]['code'];
