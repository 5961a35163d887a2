import { describe, expect, test } from '@jest/globals';
import { concernsOf } from './concerns.ts';
import type { DatabaseFigures } from './figures-sql.ts';
import type { SideView, Snapshot } from './snapshot.ts';

type View = Omit<Snapshot, 'concerns'>;

const figures: DatabaseFigures = {
  rollout: { version: 7, emergency: false, changedBy: 'kim', changedAt: '', reason: 'r', changedSecondsAgo: 60 },
  sagas: { running: 3, compensating: 1, attention: 0, oldestSeconds: 2 },
  delivery: { undelivered: 4, oldestSeconds: 1, deadLetters: 0 },
  routers: [{ id: 'a', version: 7, silentSeconds: 0.4 }],
  workers: { alive: 1, silent: 0 },
  verification: { mode: 'live', finishedAt: '', secondsAgo: 5, checked: 10, violations: 0, codes: [] },
};
const side: SideView = {
  engine: 'legacy',
  settledPerSecond: 1,
  latencyMs: { p50: 1, p95: 2, p99: 3 },
  outcomes: { good: 9, rejected: 1, bad: 0 },
  decided: 10,
  inFlight: 0,
};
const healthy: View = {
  at: 0,
  router: { id: 'a', pinned: null, engines: { legacy: 'legacy', saga: 'orchestration' } },
  rollout: {
    version: 7,
    enabled: true,
    emergency: false,
    percentage: 30,
    allowed: 0,
    denied: 0,
    ageMs: 400,
    stale: false,
  },
  rateSeconds: 10,
  windowSeconds: 60,
  sides: { legacy: side, saga: side },
  decisions: [],
  history: { at: [], legacyPerSecond: [], sagaPerSecond: [], legacyP95Ms: [], sagaP95Ms: [] },
  database: { ageMs: 300, reachable: true, figures },
};
const withFigures = (change: Partial<DatabaseFigures>): View => ({
  ...healthy,
  database: { ...healthy.database, figures: { ...figures, ...change } },
});

describe('what a person should look at', () => {
  test('is nothing when all is well, or when nothing is known yet', () => {
    expect(concernsOf(healthy)).toEqual([]);
    expect(concernsOf({ ...healthy, database: { ageMs: null, reachable: true, figures: null } })).toEqual([]);
    expect(concernsOf({ ...healthy, sides: { legacy: null, saga: side } })).toEqual([]);
    expect(concernsOf(withFigures({ rollout: null, verification: null }))).toEqual([]);
  });

  test.each<[string, View, 'bad' | 'warn', RegExp]>([
    [
      'a verification that found something',
      withFigures({ verification: { ...figures.verification!, violations: 2, codes: ['M1', 'S2'] } }),
      'bad',
      /2 violations: M1, S2/,
    ],
    ['a rollout nobody confirms', { ...healthy, rollout: { ...healthy.rollout, stale: true } }, 'bad', /stale_config/],
    [
      'a database that is away',
      { ...healthy, database: { ...healthy.database, reachable: false } },
      'bad',
      /does not answer/,
    ],
    [
      'faults on either side',
      { ...healthy, sides: { legacy: { ...side, outcomes: { good: 0, rejected: 0, bad: 1 } }, saga: null } },
      'bad',
      /^1 payment failed/,
    ],
    ['a stuck saga', withFigures({ sagas: { ...figures.sagas, oldestSeconds: 61 } }), 'bad', /more than 60 seconds/],
    ['sagas without a worker', withFigures({ workers: { alive: 0, silent: 1 } }), 'bad', /no worker is alive/],
    [
      'a rollback that a pinned router does not heed',
      {
        ...healthy,
        router: { ...healthy.router, pinned: 'orchestration' },
        rollout: { ...healthy.rollout, emergency: true, stale: true },
      },
      'warn',
      /pinned/,
    ],
    ['sagas that fault', withFigures({ sagas: { ...figures.sagas, attention: 2 } }), 'warn', /^2 sagas need/],
    ['dead letters', withFigures({ delivery: { ...figures.delivery, deadLetters: 1 } }), 'warn', /^1 event was/],
    ['late deliveries', withFigures({ delivery: { ...figures.delivery, oldestSeconds: 31 } }), 'warn', /30 seconds/],
    [
      'a silent router',
      withFigures({ routers: [{ id: 'b', version: 1, silentSeconds: 11 }] }),
      'warn',
      /^1 router is silent/,
    ],
    [
      'a router that has not heard of a change',
      withFigures({ routers: [{ id: 'b', version: 6, silentSeconds: 0 }] }),
      'warn',
      /^1 router applies an old version/,
    ],
  ])('%s', (_name, view, level, text) => {
    expect(concernsOf(view)).toEqual([{ level, text: expect.stringMatching(text) }]);
  });

  test('a router may take a moment to hear of a change', () => {
    const routers = [{ id: 'b', version: 6, silentSeconds: 0 }];
    expect(concernsOf(withFigures({ routers, rollout: { ...figures.rollout!, changedSecondsAgo: 1 } }))).toEqual([]);
  });

  test('the worst comes first', () => {
    const view = withFigures({ delivery: { ...figures.delivery, deadLetters: 3 }, workers: { alive: 0, silent: 0 } });
    expect(concernsOf(view).map(({ level }) => level)).toEqual(['bad', 'warn']);
  });
});
