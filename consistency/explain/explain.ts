import type { Binding, Check, Invariant, InvariantClass } from '../catalogue/invariant.ts';
import { violates } from '../check.ts';
import { everything } from '../scope.ts';

/** All there is to say of one invariant. */
export interface Explanation {
  readonly code: string;
  readonly class: InvariantClass;
  readonly when: string;
  readonly severity: string;
  readonly sentence: string;
  readonly binds: string;
  /** Without such rows the pass is no proof. Null: an honest run may leave none. */
  readonly mustExamine: string | null;
  readonly tables: readonly string[];
  readonly remedy: string;
  /** One statement per check; each returns the rows that violate, and runs as it stands. */
  readonly sql: readonly string[];
}

const when: Readonly<Record<InvariantClass, string>> = {
  I: 'in every snapshot',
  T: 'for every order or saga that is final in the snapshot',
  L: 'within a bounded time',
  Q: 'when nothing is in work',
};

const binds: Readonly<Record<Binding, string>> = {
  all: 'every engine',
  sagas: 'the sagas',
  'one transaction': 'engines of one transaction',
  delivering: 'engines with a delivery log',
  none: 'what belongs to no order',
};

export const explain = (invariant: Invariant): Explanation => ({
  code: invariant.code,
  class: invariant.class,
  when: when[invariant.class],
  severity: invariant.severity,
  sentence: invariant.sentence,
  binds: binds[invariant.binds],
  mustExamine: invariant.examines === undefined ? null : `orders ${invariant.examines}`,
  tables: [...new Set(invariant.checks.flatMap(({ subject }) => subject.tables))].sort(),
  remedy: invariant.remedy,
  sql: invariant.checks.map(violating),
});

const violating = (check: Check): string =>
  `select * from (${flush(check.subject.sql(everything.within))}\n) subject\nwhere ${flush(violates(check))}\norder by id;`;

/** Without the depth of the source that it stands in. */
function flush(sql: string): string {
  const lines = sql.split('\n');
  const depths = lines.slice(1).flatMap((line) => (line.trim() === '' ? [] : [line.search(/\S/)]));
  const depth = Math.max(0, Math.min(...depths) - 2);
  return lines
    .map((line, i) => (i === 0 ? line : line.slice(depth)))
    .map((line) => line.trimEnd())
    .join('\n');
}
