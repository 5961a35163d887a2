import { describe, expect, test } from '@jest/globals';
import { armOf, resultOf, roundOf } from '../../test/support/bench-result.ts';
import { chartsOf } from './charts.ts';
import { bytes, duration, figure, micros, percent, times } from './format.ts';
import { html, jsonFor } from '../../runtime/pages/html.ts';
import { renderReport } from './report.ts';

describe('the report', () => {
  const page = renderReport(resultOf());

  test('is one file that fetches nothing', () => {
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/(src|href)="https?:/);
    expect(page).not.toMatch(/@import|url\(/);
    expect(page.length).toBeLessThan(400_000);
  });

  test('gives headlines against both baselines and says where the monolith wins', () => {
    expect(page).toMatch(/Against the monolith the orchestrated saga settled/);
    expect(page).toMatch(/Against the lean monolith/);
    expect(page).toMatch(/<code>legacy-lean<\/code> settled more payments a second than orchestration in bare/);
    expect(page).toMatch(/NOT RUN/);
  });

  test('a broken invariant stands out with its sample, a sabotage is named', () => {
    const broken = resultOf([
      armOf('orchestration', [800], {
        violations: 3,
        invariants: [{ code: 'B1', title: 'Sums', examined: 9, violations: 3, sample: ['user <7>'] }],
        rounds: [
          roundOf(1, 800, {
            consistency: {
              checked: 9,
              violations: 1,
              findings: [{ code: 'A1', title: 'Acknowledged', violations: 1, sample: ['order 4'] }],
            },
          }),
        ],
      }),
    ]);
    broken.run.sabotage = 'receipts-off';
    broken.drills.push({
      engine: 'orchestration',
      killedAfterSeconds: 3,
      openAtKill: 5,
      replacementReadySeconds: 1,
      secondsToZeroOpen: null,
      violations: 1,
      findings: [{ code: 'G6', title: 'No saga is open.', violations: 1, sample: ['saga 9'] }],
    });
    const text = renderReport(broken);
    expect(text).toMatch(/G6 saga 9/);
    expect(text).toMatch(/user &lt;7&gt;/);
    expect(text).toMatch(/order 4/);
    expect(text).toMatch(/sabotaged on purpose: receipts-off/);
    expect(text).toMatch(/some were still open/);
  });

  test('a run without any arm still has a page', () => {
    expect(renderReport(resultOf([]))).toMatch(/no pair of a saga and a baseline/);
  });
});

describe('charts', () => {
  test('an arm whose rounds do not count is in no chart, a second copy is dashed', () => {
    const arms = [
      armOf('legacy', [100, 110]),
      armOf('legacy-lean', [900, 900], { name: 'legacy-lean (A/A)', control: true }),
      armOf('orchestration', [], { rounds: [roundOf(1, 5, { valid: false })] }),
    ];
    const [throughput, latency, hold] = chartsOf('bare', arms);
    expect(throughput?.series.map((one) => [one.label, one.dashed])).toEqual([
      ['legacy', undefined],
      ['legacy-lean (A/A)', true],
    ]);
    expect(throughput?.data).toEqual([
      [1, 2],
      [100, 110],
      [900, 900],
    ]);
    expect(latency?.data[0]?.at(-1)).toBeCloseTo(2, 9);
    expect(hold?.groups?.map((group) => group.label)).toEqual(['order row', 'balance row', 'stock row']);
    expect(hold?.series).toHaveLength(1);
  });

  test('nothing measured, nothing drawn', () => {
    expect(chartsOf('bare', [])).toEqual([]);
  });
});

describe('figures', () => {
  test('have as many digits as they are worth', () => {
    expect(figure(1234567.8)).toBe('1\u202f234\u202f568');
    expect(figure(12.345)).toBe('12.3');
    expect(figure(1.2345, 'ms')).toBe('1.23\u00a0ms');
    expect(figure(0.01234)).toBe('0.012');
    expect(figure(0)).toBe('0');
    expect(figure(null)).toBe('–');
    expect(times(null)).toBe('–');
    expect(times(5)).toBe('5.00×');
    expect(bytes(512)).toBe('512\u00a0B');
    expect(bytes(null)).toBe('–');
    expect(bytes(5_900)).toBe('5.90\u00a0kB');
    expect(micros(1_500)).toBe('1.50\u00a0ms');
    expect(duration(65)).toBe('65 s');
    expect(duration(150)).toBe('2 min 30 s');
  });

  test('percentages tell 99.9 from 99.99', () => {
    expect([100, 99.975, 99.9975, 50, 0, null].map(percent)).toEqual([
      '100\u00a0%',
      '99.975\u00a0%',
      '99.9975\u00a0%',
      '50.00\u00a0%',
      '0\u00a0%',
      '–',
    ]);
  });

  test('markup is escaped, also in lists and in data', () => {
    expect(html`<b>${['<', html`<i>${'&'}</i>`, null, false, 3]}</b>`.text).toBe('<b>&lt;<i>&amp;</i>3</b>');
    expect(jsonFor({ a: '</script>' }).text).toBe('{"a":"\\u003c/script>"}');
  });
});
