import { describe, expect, test } from '@jest/globals';
import type { Invariant } from './catalogue/invariant.ts';
import type { Finding } from './check.ts';
import { gapsOf } from './gaps.ts';
import type { EngineOrders } from './order-counts.ts';

const orders = (engine: string, paid: number): EngineOrders => ({
  engine,
  isKnown: true,
  fromTheFuture: 0,
  count: { 'worked on': 9, paid, refused: 0, 'with coupon': 0, 'paid with coupon': 0, 'paid and routed': 0 },
});
const asked = (binds: Invariant['binds'], examines?: Invariant['examines']): Invariant => ({
  code: 'Z1',
  class: 'I',
  severity: 'money',
  sentence: 'All is well.',
  remedy: 'Look.',
  binds,
  ...(examines && { examines }),
  checks: [],
});
const found = (examined: number, examinedBy: Record<string, number> = {}): Finding => ({
  code: 'Z1',
  class: 'I',
  severity: 'money',
  sentence: 'All is well.',
  examined,
  examinedBy,
  violations: 0,
  sample: [],
});
const gaps = (invariant: Invariant, finding: Finding, ...ran: EngineOrders[]) => gapsOf([invariant], [finding], ran);

describe('an invariant that examined nothing', () => {
  test('is a gap for each engine it binds that has such orders', () => {
    const ran = [orders('legacy', 7), orders('legacy-lean', 0), orders('orchestration', 3)];
    expect(gaps(asked('all', 'paid'), found(3, { orchestration: 3 }), ...ran)).toEqual([
      { code: 'Z1', engine: 'legacy', missed: '7 orders paid' },
    ]);
  });

  test.each([
    ['sagas', ['orchestration', 'choreography']],
    ['one transaction', ['legacy', 'legacy-lean']],
    ['delivering', ['legacy-lean', 'orchestration', 'choreography']],
  ] as const)('of %s binds no other engine', (binds, engines) => {
    const ran = ['legacy', 'legacy-lean', 'orchestration', 'choreography', 'history'].map((name) => orders(name, 1));
    expect(gaps(asked(binds, 'paid'), found(0), ...ran).map(({ engine }) => engine)).toEqual(engines);
  });

  test('is no gap when an honest run may leave no rows, or no engine of ours ran', () => {
    expect(gaps(asked('all'), found(0), orders('legacy', 7))).toEqual([]);
    expect(gaps(asked('none', 'worked on'), found(0), orders('history', 7))).toEqual([]);
    expect(gapsOf([asked('all', 'paid')], [], [orders('legacy', 7)])).toEqual([]);
  });

  test('of what belongs to no order is a gap as a whole', () => {
    expect(gaps(asked('none', 'worked on'), found(0), orders('legacy', 7))).toEqual([
      { code: 'Z1', engine: null, missed: '9 orders worked on' },
    ]);
    expect(gaps(asked('none', 'worked on'), found(1), orders('legacy', 7))).toEqual([]);
  });
});
