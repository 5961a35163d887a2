import { asked } from '../../consistency/nightly/part.ts';
import type { NightlyFinding, NightlyReport, PastNight } from '../../consistency/nightly/report.ts';

const engines = { legacy: 261_402, 'legacy-lean': 248_611, orchestration: 244_020, choreography: 245_967 };
const night = (daysAgo: number): string =>
  new Date(Date.UTC(2026, 10, 22, 3, 30, 1) - daysAgo * 86_400_000).toISOString();

/** A night over a million orders, after 29 others. Broken: money twice, once since four nights; text from outside tries to be markup. */
export function nightlyReport(broken = false): NightlyReport {
  const perInvariant = asked.map((invariant, i): NightlyFinding => ({
    code: invariant.code,
    class: invariant.class,
    severity: invariant.severity,
    sentence: invariant.sentence,
    remedy: invariant.remedy,
    examined: i === 30 ? 0 : 1_000_000 - i * 1_237,
    examinedBy: i % 4 === 0 ? {} : engines,
    violations: 0,
    sample: [],
    violators: [],
    since: null,
    ...(broken ? wrong[invariant.code] : {}),
  }));
  const violations = perInvariant.reduce((sum, finding) => sum + finding.violations, 0);
  return {
    schemaVersion: 1,
    mode: 'nightly',
    runId: 417,
    startedAt: night(0),
    finishedAt: night(-0.0006),
    durationMs: 41_873,
    resumptions: broken ? 1 : 0,
    resumedAt: broken ? night(-0.0003) : null,
    parts: ['balance', 'order', 'saga'].map((name, i) => ({
      name,
      snapshot: `${81_234_567 + i}:${81_234_570 + i}:`,
      takenAt: night(0),
      durationMs: 13_900 + i,
    })),
    snapshots: 3,
    checked: engines,
    perInvariant,
    violations,
    doubts: [],
    score: { touched: violations, examined: 1_000_000, lowerBound95: broken ? 0.99957 : 0.9999970042 },
    history: Array.from({ length: 30 }, (_, i) => pastNight(29 - i, broken, violations)),
    database: { name: 'sagashift', server: '18.4' },
    version: '0.1.0',
    host: 'verify-nightly-29384610-x7k2p',
  };
}

const wrong: Readonly<Record<string, Partial<NightlyFinding>>> = {
  B1: {
    violations: 412,
    violators: Array.from({ length: 100 }, (_, i) => `balance ${104_711 + i * 37}`),
    since: night(4),
  },
  X1: { violations: 1, violators: ['order <img src=x onerror="document.title=1">'], since: night(0) },
};

const pastNight = (daysAgo: number, broken: boolean, violations: number): PastNight => {
  const abandoned = daysAgo === 17;
  return {
    runId: 417 - daysAgo,
    startedAt: night(daysAgo),
    status: abandoned ? 'ABANDONED' : 'FINISHED',
    durationMs: abandoned ? null : 30_000 + (29 - daysAgo) * 400 + ((daysAgo * 7) % 5) * 300,
    checked: abandoned ? null : 1_000_000 - daysAgo * 11_000,
    violations: abandoned ? null : broken && daysAgo < 5 ? violations : 0,
    doubts: 0,
  };
};
