import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { engines } from '../domain/engines.ts';
import type { Side } from '../domain/payment-engine.ts';
import {
  asksTier,
  bucketOf,
  decide,
  type Rollout,
  type RoutingFacts,
  routingRules,
  type Tier,
  trace,
} from './routing-policy.ts';

const rollout = (over: Partial<Rollout> = {}): Rollout => ({
  version: 7,
  enabled: true,
  emergency: false,
  percentage: 50,
  allow: new Set(),
  deny: new Set(),
  ...over,
});
const facts = (over: Partial<RoutingFacts> = {}): RoutingFacts => ({
  userId: 42,
  rollout: rollout(),
  stale: false,
  tier: 'NORMAL',
  ...over,
});

const side = fc.constantFrom<Side>('legacy', 'saga');
const userId = fc.integer({ min: 1, max: 100_000 });
const anyFacts: fc.Arbitrary<RoutingFacts> = fc.record({
  userId,
  stale: fc.boolean(),
  tier: fc.constantFrom<Tier>('NORMAL', 'VIP', 'unknown', 'not asked'),
  pinned: fc.option(side, { nil: undefined }),
  existing: fc.option(side, { nil: undefined }),
  rollout: fc.record({
    version: fc.nat(),
    enabled: fc.boolean(),
    emergency: fc.boolean(),
    percentage: fc.integer({ min: 0, max: 100 }),
    allow: fc.array(userId, { maxLength: 5 }).map((ids) => new Set(ids)),
    deny: fc.array(userId, { maxLength: 5 }).map((ids) => new Set(ids)),
  }),
});

describe('the order of the rules', () => {
  test('is the one of the design', () => {
    expect(routingRules.map((rule) => rule.reason)).toEqual([
      'affinity',
      'pinned',
      'emergency',
      'disabled',
      'stale_config',
      'deny',
      'vip',
      'vip_unknown',
      'allow',
      'bucket',
      'default',
    ]);
  });

  // Every row adds one reason to be on the given side to all the reasons below it.
  const allow = new Set([42]);
  const enrolled = facts({ rollout: rollout({ percentage: 100, allow }) });
  test.each<[string, Side, RoutingFacts]>([
    ['default', 'legacy', facts({ rollout: rollout({ percentage: 42 }) })],
    ['bucket', 'saga', facts({ rollout: rollout({ percentage: 43 }) })],
    ['allow', 'saga', facts({ rollout: rollout({ percentage: 0, allow }) })],
    ['vip_unknown', 'legacy', { ...enrolled, tier: 'unknown' }],
    ['vip', 'legacy', { ...enrolled, tier: 'VIP' }],
    ['deny', 'legacy', { ...enrolled, tier: 'VIP', rollout: rollout({ allow, deny: allow }) }],
    ['stale_config', 'legacy', { ...enrolled, stale: true, rollout: rollout({ allow, deny: allow }) }],
    ['disabled', 'legacy', { ...enrolled, stale: true, rollout: rollout({ allow, enabled: false }) }],
    ['emergency', 'legacy', { ...enrolled, rollout: rollout({ allow, enabled: false, emergency: true }) }],
    ['pinned', 'saga', { ...enrolled, pinned: 'saga', rollout: rollout({ emergency: true }) }],
    ['affinity', 'legacy', { ...enrolled, existing: 'legacy', pinned: 'saga' }],
    ['affinity', 'saga', { ...enrolled, existing: 'saga', rollout: rollout({ emergency: true }) }],
  ])('%s sends to %s', (reason, expected, given) => {
    expect(decide(given)).toEqual({ side: expected, reason, bucket: 42, version: 7 });
  });
});

describe('what must always hold', () => {
  test('a higher percentage takes nobody off the saga', () => {
    fc.assert(
      fc.property(anyFacts, fc.integer({ min: 0, max: 100 }), (given, percentage) => {
        const higher = Math.max(percentage, given.rollout.percentage);
        const before = decide(given).side;
        const after = decide({ ...given, rollout: { ...given.rollout, percentage: higher } }).side;
        expect([before, after]).not.toEqual(['saga', 'legacy']);
      }),
    );
  });

  test('a VIP, or somebody who may be one, is never on the saga unless the order or the router is', () => {
    fc.assert(
      fc.property(anyFacts, fc.constantFrom<Tier>('VIP', 'unknown'), (given, tier) => {
        const free = { ...given, tier, pinned: undefined, existing: undefined };
        expect(decide(free).side).toBe('legacy');
      }),
    );
  });

  test('an emergency beats everything but affinity and a pinned router', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const { side: chosen, reason } = decide({ ...given, rollout: { ...given.rollout, emergency: true } });
        expect(['affinity', 'pinned', 'emergency']).toContain(reason);
        if (reason === 'emergency') expect(chosen).toBe('legacy');
      }),
    );
  });

  test('the tier is asked for exactly when a rule from `vip` on decides', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const late = ['vip', 'vip_unknown', 'allow', 'bucket', 'default'].includes(decide(given).reason);
        expect(asksTier(given)).toBe(late);
      }),
    );
  });

  test('the trace applies one rule, the one that decides', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const { side: chosen, reason } = decide(given);
        const applied = trace(given).filter((rule) => rule.verdict === 'applied');
        expect(applied).toEqual([{ rule: reason, verdict: 'applied', side: chosen }]);
        expect(trace(given)).toHaveLength(routingRules.length);
      }),
    );
  });

  test('what is not a user id is in no bucket and on no list', () => {
    const bad = [null, undefined, NaN, 0, -1, -100, 1.5, 2 ** 53, Infinity, '100', '0', [], {}] as unknown as number[];
    for (const id of bad) {
      const allow = new Set([id]);
      expect(bucketOf(id)).toBe(100);
      expect(decide(facts({ userId: id, rollout: rollout({ percentage: 100, allow }) })).reason).toBe('default');
      expect(asksTier(facts({ userId: id }))).toBe(false);
    }
  });
});

test('differs from the seed exactly for VIPs in an enrolled bucket', () => {
  // The seed: emergency, then userId % 100 == 0 -> event-driven, then VIP -> legacy, then the flag, which is 100 %.
  const seed = (id: number, vip: boolean): Side => (id % 100 === 0 ? 'saga' : vip ? 'legacy' : 'legacy');
  for (let id = 1; id <= 1_000; id += 1) {
    for (const vip of [false, true]) {
      const ours = decide(
        facts({ userId: id, tier: vip ? 'VIP' : 'NORMAL', rollout: rollout({ percentage: 1 }) }),
      ).side;
      expect(ours !== seed(id, vip)).toBe(vip && id % 100 === 0);
    }
  }
});

test('every engine stands on a side that the policy knows', () => {
  for (const engine of engines) expect(decide(facts({ pinned: engine.side })).side).toBe(engine.side);
});
