import type { DatabaseFigures } from './figures-sql.ts';
import type { Snapshot } from './snapshot.ts';

/** `bad`: something is wrong. `warn`: it may be about to be, or you see less than there is. */
export interface Concern {
  readonly level: 'bad' | 'warn';
  readonly text: string;
}

type View = Omit<Snapshot, 'concerns'>;

interface Watch {
  readonly level: Concern['level'];
  /** What to say, or undefined when there is nothing to say. */
  readonly says: (view: View, figures: DatabaseFigures | null) => string | undefined;
}

/** A saga that is open for longer is stuck: its boundaries time out after 3 s, and a dead worker's are taken over after 2 s. */
const stuckSeconds = 60;
/** Deliveries that wait for longer are not just the last second's. */
const lateSeconds = 30;
/** A router confirms a change within a second; one that has not after this long has not heard of it. */
const hearSeconds = 3;
/** As `canary status` says it: after it, the router sends nothing to the saga any more. */
const silentSeconds = 10;

const some = (count: number | undefined, one: string, many: string): string | undefined =>
  count === undefined || count === 0 ? undefined : `${count} ${count === 1 ? one : many}`;

/** The rollback itself is no concern: the page says it in a banner. */
const watches: readonly Watch[] = [
  {
    level: 'bad',
    says: (_, figures) => {
      const found = figures?.verification;
      if (!found || found.violations === 0) return undefined;
      return `the last verification found ${found.violations} violations: ${found.codes.join(', ')}`;
    },
  },
  {
    level: 'bad',
    says: ({ rollout, router }) =>
      rollout.stale && router.pinned === null
        ? 'this router cannot confirm its rollout: everything goes to the monolith (stale_config)'
        : undefined,
  },
  {
    level: 'bad',
    says: ({ database }) => (database.reachable ? undefined : 'the database does not answer: figures from it are old'),
  },
  {
    level: 'bad',
    says: ({ sides }) =>
      some(
        (sides.legacy?.outcomes.bad ?? 0) + (sides.saga?.outcomes.bad ?? 0),
        'payment failed or was late in the last minute',
        'payments failed or were late in the last minute',
      ),
  },
  {
    level: 'bad',
    says: (_, figures) =>
      (figures?.sagas.oldestSeconds ?? 0) > stuckSeconds
        ? `a saga has been open for more than ${stuckSeconds} seconds`
        : undefined,
  },
  {
    level: 'bad',
    says: (_, figures) =>
      figures && figures.workers.alive === 0 && figures.sagas.running + figures.sagas.compensating > 0
        ? 'sagas are open and no worker is alive'
        : undefined,
  },
  {
    level: 'warn',
    says: ({ rollout, router }) =>
      rollout.emergency && router.pinned !== null
        ? 'the rollback is on, and this router is pinned: it does not heed it'
        : undefined,
  },
  {
    level: 'warn',
    says: (_, figures) =>
      some(figures?.sagas.attention, 'saga needs a person to look at it', 'sagas need a person to look at them'),
  },
  {
    level: 'warn',
    says: (_, figures) => some(figures?.delivery.deadLetters, 'event was given up on', 'events were given up on'),
  },
  {
    level: 'warn',
    says: (_, figures) =>
      (figures?.delivery.oldestSeconds ?? 0) > lateSeconds
        ? `an event has waited for delivery for more than ${lateSeconds} seconds`
        : undefined,
  },
  {
    level: 'warn',
    says: (_, figures) =>
      some(
        figures?.routers.filter((router) => router.silentSeconds > silentSeconds).length,
        'router is silent',
        'routers are silent',
      ),
  },
  {
    level: 'warn',
    says: (_, figures) => {
      const rollout = figures?.rollout;
      if (!rollout || rollout.changedSecondsAgo <= hearSeconds) return undefined;
      const behind = figures.routers.filter(
        (router) => router.silentSeconds <= silentSeconds && router.version !== rollout.version,
      );
      return some(behind.length, 'router applies an old version', 'routers apply an old version');
    },
  },
];

/** Worst first, as the table has them. */
export const concernsOf = (view: View): Concern[] =>
  watches.flatMap(({ level, says }) => {
    const text = says(view, view.database.figures);
    return text === undefined ? [] : [{ level, text }];
  });
