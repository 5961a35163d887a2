import { expect, test } from '@jest/globals';
import { reportText } from './report-text.ts';
import { scoreOf } from './score.ts';
import type { VerificationReport } from './verifier.ts';

const report = (change: Partial<VerificationReport> = {}): VerificationReport => ({
  mode: 'live',
  checked: { history: 40, legacy: 30_000, orchestration: 30_000 },
  unexamined: [],
  perInvariant: [
    { code: 'P1', examinedBy: { legacy: 30_000, orchestration: 30_000, history: 40 } },
    { code: 'P4', examinedBy: { legacy: 30_000, orchestration: 30_000 } },
    { code: 'P5', examinedBy: { legacy: 12 } },
  ].map((each) => ({
    ...each,
    class: 'I',
    severity: 'money',
    sentence: 'It holds.',
    examined: 9,
    violations: 0,
    sample: [],
  })),
  violations: 0,
  score: scoreOf(0, 60_000),
  startedAt: '2026-11-22T00:00:00.000Z',
  durationMs: 1_200,
  ...change,
});

test('each engine has a line of what was examined, the invariants of one number together', () => {
  const text = reportText(report());
  expect(text).toContain('  legacy         30,000 P1 P4 · 12 P5\n');
  expect(text).toContain('  orchestration  30,000 P1 P4\n');
  expect(text).not.toContain('  history  ');
});

test('the score says what was touched of what was examined, and what that proves', () => {
  expect(reportText(report())).toContain(
    '0 of 60,000 orders touched by a violation: at least 99.9950 % of orders proven consistent (one-sided, 95 % confidence; 0 of n proves at least 1 - 3/n)\n',
  );
  expect(reportText(report({ score: scoreOf(6, 60_000), violations: 6 }))).toMatch(
    /6 of 60,000 orders touched by a violation: at least 99\.98\d\d % of orders proven consistent \(one-sided/,
  );
  expect(reportText(report({ score: scoreOf(0, 100_000_000) }))).toContain('at least 99.9999 % of');
  expect(reportText(report({ score: scoreOf(0, 0) }))).toContain('no engine has worked on an order yet');
});

test('sagas in work, gaps and doubts are printed plainly', () => {
  const text = reportText(
    report({
      open: { sagas: 3, attention: 1, oldestSeconds: 12.4 },
      gaps: [
        { code: 'P5', engine: 'orchestration', missed: '7 orders refused' },
        { code: 'S2', engine: null, missed: '60 orders worked on' },
      ],
      doubts: ['the clock of the database is 90 s behind ours'],
    }),
  );
  expect(text).toContain('3 sagas in work, the oldest for 12 s, 1 of them want a person’s attention\n');
  expect(text).toContain('P5 examined nothing of orchestration, and there are 7 orders refused\n');
  expect(text).toContain('S2 examined nothing, and there are 60 orders worked on\n');
  expect(text).toContain('doubt: the clock of the database is 90 s behind ours\n');
});
