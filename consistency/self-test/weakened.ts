import type { Check, Invariant } from '../catalogue/invariant.ts';
import { invariants } from '../invariants.ts';

/** A way to get an invariant wrong, and the invariant made so. A self-test that does not notice it proves nothing. */
export interface Weakened {
  readonly code: string;
  readonly does: string;
  readonly invariant: Invariant;
}

interface Mistake {
  readonly code: string;
  readonly does: string;
  readonly makes: (check: Check) => Check;
}

const wrong =
  (from: string, to: string) =>
  (check: Check): Check => ({ ...check, wrong: check.wrong.replaceAll(from, to) });

/** What a NULL makes neither true nor false passes: how checks are usually written. */
const asTrue = (check: Check): Check => ({
  ...check,
  wrong: `coalesce(${check.wrong.replaceAll('is distinct from', '<>')}, false)`,
});

const onlyRowsBeside = (check: Check): Check => ({
  ...check,
  subject: { ...check.subject, sql: (within) => check.subject.sql(within).replaceAll('full join', 'join') },
});

const mistakes: readonly Mistake[] = [
  { code: 'B1', does: 'joins balances and ledgers that both exist', makes: onlyRowsBeside },
  { code: 'B3', does: 'does not look at versions', makes: wrong('version is distinct from earlier + 1', 'false') },
  { code: 'B4', does: 'compares amounts only', makes: wrong('version is distinct from balance_version', 'false') },
  { code: 'B5', does: 'counts to two', makes: wrong('debits > 1', 'debits > 2') },
  { code: 'B7', does: 'says <> where a NULL can be', makes: (check) => asTrue(wrong('owner is null or', '')(check)) },
  { code: 'O1', does: 'says <> where a NULL can be', makes: asTrue },
  { code: 'P2', does: 'says <> where a NULL can be', makes: asTrue },
  { code: 'P3', does: 'forgets the stock', makes: wrong('confirmed is distinct from items_qty', 'false') },
  { code: 'S6', does: 'lets what was released be confirmed', makes: wrong('releases > 0 and', 'false and') },
  {
    code: 'C5',
    does: 'lets a discount be without a coupon',
    makes: wrong('discount_amount is distinct from 0', 'false'),
  },
  {
    code: 'G2',
    does: 'counts boundaries instead of naming them',
    makes: wrong('done_mask is distinct from (2 << done::int) - 2', 'done > 4'),
  },
  {
    code: 'X1',
    does: 'lets a delivery be made twice',
    makes: (check) => wrong('rows > 1', 'false')(wrong('rows is distinct from wanted', 'rows < wanted')(check)),
  },
];

export const weakened: readonly Weakened[] = mistakes.flatMap(({ code, does, makes }) =>
  invariants
    .filter((invariant) => invariant.code === code)
    .map((invariant) => ({ code, does, invariant: { ...invariant, checks: invariant.checks.map(makes) } })),
);
