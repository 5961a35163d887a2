import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { build } from 'hdr-histogram-js';
import { randomOf } from '../dataset/random.ts';
import { bootstrapInterval } from './bootstrap.ts';
import { geometricMean, pairedRatios } from './paired-ratios.ts';
import { latencyCurve, samplesNeeded, summarise } from './percentiles.ts';
import { disprovenShare, provenShare } from './proof-bound.ts';
import { signFlipP } from './sign-flip.ts';
import { verdictOf } from './verdict.ts';

const ratio = fc.double({ min: 0.01, max: 100, noNaN: true });

const seeded = (seed: number) => randomOf(seed, 0);

describe('paired ratios', () => {
  test('twice and half cancel out', () => {
    expect(geometricMean([2, 0.5])).toBeCloseTo(1, 12);
    expect(geometricMean([])).toBeNaN();
  });

  test('pairs rounds by number and leaves out what has no partner or no positive figure', () => {
    const candidate = new Map([
      [1, 10],
      [2, 30],
      [3, 50],
      [4, 0],
    ]);
    const baseline = new Map([
      [1, 5],
      [2, 0],
      [4, 7],
    ]);
    expect(pairedRatios(candidate, baseline)).toEqual([2]);
  });
});

describe('bootstrap interval', () => {
  test('contains its estimate, narrows to a point on equal rounds, and is the same for the same seed', () => {
    fc.assert(
      fc.property(fc.array(ratio, { minLength: 2, maxLength: 12 }), fc.integer(), (ratios, seed) => {
        const [low, high] = bootstrapInterval(ratios, seeded(seed), 300) ?? [1, 0];
        const estimate = geometricMean(ratios);
        expect(low).toBeLessThanOrEqual(estimate);
        expect(high).toBeGreaterThanOrEqual(estimate);
        expect(bootstrapInterval(ratios, seeded(seed), 300)).toEqual([low, high]);
      }),
      { numRuns: 50 },
    );
    const [low, high] = bootstrapInterval([3, 3, 3], seeded(1)) ?? [0, 0];
    expect(low).toBeCloseTo(3, 9);
    expect(high).toBeCloseTo(3, 9);
  });

  test('one round has no interval', () => {
    expect(bootstrapInterval([2], seeded(1))).toBeNull();
  });

  test('covers the true ratio in about 95 of 100 experiments', () => {
    const random = seeded(7);
    let covered = 0;
    for (let experiment = 0; experiment < 200; experiment++) {
      const ratios = Array.from({ length: 20 }, () => 2 * Math.exp(random() - 0.5));
      const [low, high] = bootstrapInterval(ratios, random, 500) ?? [0, 0];
      if (low <= 2 && high >= 2) covered++;
    }
    expect(covered / 200).toBeGreaterThan(0.86);
  });
});

describe('sign-flip test', () => {
  test('p of n agreeing rounds is 2 / 2^n', () => {
    expect(signFlipP([2, 2, 2, 2, 2, 2], seeded(1))).toBeCloseTo(2 / 64, 12);
    expect(signFlipP([], seeded(1))).toBe(1);
    expect(signFlipP([1, 1, 1], seeded(1))).toBe(1);
  });

  test('it does not matter which side is called the candidate', () => {
    fc.assert(
      fc.property(fc.array(ratio, { minLength: 1, maxLength: 8 }), (ratios) => {
        const turned = ratios.map((r) => 1 / r);
        expect(signFlipP(ratios, seeded(1))).toBeCloseTo(signFlipP(turned, seeded(1)), 9);
      }),
      { numRuns: 50 },
    );
  });

  test('samples when there are too many rounds to count', () => {
    const same = Array.from({ length: 20 }, (_, i) => (i % 2 ? 1.5 : 1 / 1.5));
    expect(signFlipP(new Array<number>(20).fill(3), seeded(1))).toBeLessThan(0.001);
    expect(signFlipP(same, seeded(1))).toBeGreaterThan(0.5);
  });
});

describe('verdict', () => {
  const decide = (ratios: number[], control: readonly [number, number] | null) =>
    verdictOf({ ratios, interval: bootstrapInterval(ratios, seeded(1)), p: signFlipP(ratios, seeded(1)), control });
  const ten = (value: number, wobble = 0.02) =>
    Array.from({ length: 10 }, (_, i) => value * (i % 2 ? 1 + wobble : 1 - wobble));

  test('one round says nothing, a few without a control are indicative', () => {
    expect(decide([5], null)).toBe('none');
    expect(decide([5, 5, 5], null)).toBe('indicative');
    expect(decide(ten(5), null)).toBe('indicative');
  });

  test('a large effect beside a quiet control is faster or slower', () => {
    expect(decide(ten(5), [0.9, 1.1])).toBe('faster');
    expect(decide(ten(0.2), [0.9, 1.1])).toBe('slower');
  });

  test('an effect inside what two copies of one arm showed is inconclusive', () => {
    expect(decide(ten(1.24), [0.83, 1.54])).toBe('inconclusive');
  });

  test('an interval inside the margin is equivalent', () => {
    expect(decide(ten(1.01, 0.01), [0.95, 1.05])).toBe('equivalent');
  });

  test('rounds that contradict each other are inconclusive', () => {
    expect(decide([3, 0.4, 3, 0.4, 3, 0.4, 3, 3, 0.4, 0.4], [0.9, 1.1])).toBe('inconclusive');
  });

  test('of twenty comparisons of an arm with itself at most one finds a difference', () => {
    const random = seeded(11);
    const noisy = () => Array.from({ length: 10 }, () => Math.exp((random() - 0.5) * 0.8));
    const found = Array.from({ length: 20 }, () => {
      const control = bootstrapInterval(noisy(), random, 1_000);
      return decide(noisy(), control);
    }).filter((verdict) => verdict === 'faster' || verdict === 'slower');
    expect(found.length).toBeLessThanOrEqual(1);
  });
});

describe('what a count proves', () => {
  test('nothing examined proves nothing; no failure follows the rule of three', () => {
    expect(provenShare(0, 0)).toBe(0);
    expect(provenShare(100, 0)).toBeCloseTo(0.97, 12);
    expect(provenShare(30_000, 0)).toBeCloseTo(0.9999, 12);
    expect(provenShare(2, 0)).toBe(0);
    expect(provenShare(5, 5)).toBe(0);
  });

  test('bounds enclose the observed share and agree with published values', () => {
    expect(provenShare(4_742, 1)).toBeCloseTo(0.999, 4);
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 100_000 }), fc.integer({ min: 1, max: 40 }), (n, failures) => {
        fc.pre(failures < n);
        const share = 1 - failures / n;
        expect(provenShare(n, failures)).toBeLessThanOrEqual(share + 1e-9);
        expect(disprovenShare(n, failures)).toBeGreaterThanOrEqual(share - 1e-9);
      }),
      { numRuns: 60 },
    );
    expect(disprovenShare(100, 0)).toBe(1);
    expect(disprovenShare(100, 50)).toBeLessThan(0.6);
  });
});

describe('percentiles', () => {
  test('a percentile with fewer than ten samples beyond it is not given', () => {
    const histogram = build({ numberOfSignificantValueDigits: 3 });
    for (let i = 1; i <= 200; i++) histogram.recordValue(i * 1_000);
    const summary = summarise(histogram);
    expect(summary).toMatchObject({ count: 200, p99: null });
    expect(summary.p50).toBeCloseTo(100, 0);
    expect(summary.p95).toBeCloseTo(190, 0);
    expect(summary.max).toBeCloseTo(200, 0);
    expect(samplesNeeded(99)).toBe(1_000);
    expect(latencyCurve(histogram).map(([p]) => p)).toContain(95);
    expect(latencyCurve(histogram).map(([p]) => p)).not.toContain(99);
  });

  test('an empty histogram has no figures', () => {
    expect(summarise(build())).toEqual({ count: 0, p50: null, p95: null, p99: null, max: 0, mean: 0 });
  });
});
