import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Tx } from '../../domain/ports.ts';
import { rowsOf, statement } from '../../runtime/pg-client.ts';
import type { Invariant, Subject } from '../catalogue/invariant.ts';
import { type Answer, askSubject, bySubject, type Finding, findingOf } from '../check.ts';
import { invariants } from '../invariants.ts';
import { passReport } from '../pass-report.ts';
import { lookAround } from '../surroundings.ts';
import { passSettings } from '../pass-settings.ts';
import { everything, type Scope } from '../scope.ts';
import type { Mode, VerificationReport } from '../verifier.ts';
import { type Source, sourcesOf } from './domain-databases.ts';
import { gather, session, shadow } from './gather.ts';
import { assertFitDatabase } from '../unfit.ts';

export interface ApartOptions {
  /** `drained`: nothing is in work anywhere, so every order is compared, final or not. */
  readonly mode: Mode;
  /** What follows an order's last change in other databases must be there after so long. Default 5,000. */
  readonly settleMs?: number;
  readonly signal?: AbortSignal;
  onProgress?(progress: { readonly subject: string; readonly done: number; readonly of: number }): void;
}

export interface ApartReport extends VerificationReport {
  readonly databases: number;
  readonly rowsGathered: number;
}

/**
 * Compares domains that lie in databases of their own. There is no snapshot of several databases, so what is said of an order is said of
 * final orders only (class I becomes T): their database is read first, the others `settleMs` later, and a final order never changes.
 * What lies within one database is judged in its one snapshot, as ever. The rows are copied into temporary tables of a session on
 * `databaseUrl`, which is all that is written. Throws NotOursError when one of the databases is not marked as ours.
 */
export async function verifyApart(
  databaseUrl: string,
  env: NodeJS.ProcessEnv,
  { mode, settleMs = 5_000, signal = new AbortController().signal, onProgress }: ApartOptions,
): Promise<ApartReport> {
  const startedAt = new Date();
  const sources = sourcesOf(databaseUrl, env);
  for (const { url } of [{ url: databaseUrl }, ...sources]) await assertFitDatabase(url);
  return session(databaseUrl, signal, async (home) => {
    const bound = mode === 'drained' ? invariants : invariants.filter((invariant) => invariant.class !== 'Q');
    const subjects = [...bySubject(bound)];
    let done = 0;
    const of = sources.length + subjects.length;
    const progress = (subject: string): void => onProgress?.({ subject, done: ++done, of });

    await shadow(home, sources);
    let rowsGathered = 0;
    for (const [i, source] of sources.entries()) {
      if (i === 1 && mode === 'live') await delay(settleMs, undefined, { signal });
      rowsGathered += await gather(home, source, signal);
      progress(`database of ${source.domains.join(', ')}`);
    }
    const tx = txOf(home);
    await chooseOrders(tx, mode);
    await tx.query(`analyze ${temporary(sources)}`);

    const answers: Answer[] = [];
    for (const [subject, questions] of subjects) {
      signal.throwIfAborted();
      answers.push(...(await askSubject(tx, subject, questions, scopeOf(subject))));
      progress(subject.name);
    }
    const perInvariant = bound.map((invariant) => judged(invariant, answers));
    const { orders, doubts } = await lookAround(tx, compared);
    return {
      mode,
      ...passReport({ startedAt, seen: { orders, doubts }, bound, answers, perInvariant }),
      databases: sources.length,
      rowsGathered,
    };
  });
}

const txOf = (client: pg.Client): Tx => ({
  query: async (text, values) => rowsOf(await client.query(statement(text, values))),
});

const temporary = (sources: readonly Source[]): string =>
  [...new Set(sources.flatMap(({ tables }) => tables))].map((table) => `pg_temp.${table}`).join(', ');

/** Which orders are compared. Folds of whole tables: one hash each, in memory. */
const chooseOrders = (tx: Tx, mode: Mode): Promise<unknown> =>
  tx.query(`create temp table settled as select id from orders ${mode === 'live' ? `where status not in ('PENDING', 'PAYING')` : ''};
    create temp table settled_saga as select saga_id as id from saga_state where order_id in (select id from settled);
    ${passSettings().replaceAll('set local', 'set')}`);

const compared: Scope = {
  within: (column, prefix) => `${column} in (select ${prefix === undefined ? 'id' : `'${prefix}' || id`} from settled)`,
  values: [],
};
const comparedSagas: Scope = { within: (column) => `${column} in (select id from settled_saga)`, values: [] };

const scopes: Partial<Record<Subject['key'], Scope>> = { order: compared, saga: comparedSagas };
const scopeOf = (subject: Subject): Scope => scopes[subject.key] ?? everything;

const judged = (invariant: Invariant, answers: readonly Answer[]): Finding => {
  const finding = findingOf(invariant, answers);
  const ofOrders = invariant.checks.some(({ subject }) => scopes[subject.key] !== undefined);
  return { ...finding, class: ofOrders && invariant.class === 'I' ? 'T' : invariant.class };
};
