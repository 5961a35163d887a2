import type { ArmResult, Comparison, Result } from '../../result.ts';
import { titleOf } from '../../load/loads.ts';
import { figure, percent, times } from '../format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';

/** What the run says in a few sentences: the gain, what it is made of, and where the monolith wins. */
export function headline(result: Result): Html {
  const gains = gainSentences(result);
  return html`<section id="summary">
    <p class="headline">
      ${gains.length > 0 ? gains.join(' ') : 'This run has no pair of a saga and a baseline to compare.'}
      ${unservedSentences(result.arms).join(' ')}
    </p>
    <p>
      Batching brings the rate. The saga itself brings recovery of what a dead process left, short row locks and domains
      that can be told apart. What a good engineer would do without a saga stands beside it as <code>legacy-lean</code>:
      one round trip per payment, no ORM, no Redis locks. Judge every gain against both.
    </p>
    ${monolithWins(result)}
  </section>`;
}

const sagas = ['orchestration', 'choreography'];

/** The saga that is asked about first, against each baseline, scenario by scenario; intervals stand in the tables. */
function gainSentences({ comparisons, run }: Result): string[] {
  const { metric, against } = run.load.ratePerSecond === null ? byRate : byTime(run.load.ratePerSecond);
  const sentences = against.flatMap(([baseline, words, of]) => {
    const found = comparisons.filter(
      (one) => one.metric === metric && one.candidate === 'orchestration' && one.baseline === baseline,
    );
    const parts = found.map(
      (one, i) => `${times(one.ratio)}${i === 0 ? of : ''} in ${one.scenario}${isWord(one) ? ` (${one.verdict})` : ''}`,
    );
    return found.length === 0 ? [] : [`${words} ${joined(parts)}.`];
  });
  if (sentences.length === 0) return [];
  return [...sentences, ...strengthOf(comparisons, run.rounds)];
}

interface Wording {
  readonly metric: string;
  readonly against: readonly (readonly [baseline: string, words: string, of: string])[];
}

/** A closed loop is as fast as the engine. */
const byRate: Wording = {
  metric: 'settled/s',
  against: [
    ['legacy', 'Against the monolith the orchestrated saga settled', ' as many payments'],
    ['legacy-lean', 'Against the lean monolith it was', ''],
  ],
};

/** In an open loop all engines settle what is offered, as far as they can: what differs is how soon. */
const byTime = (ratePerSecond: number): Wording => ({
  metric: 'latency p50',
  against: [
    [
      'legacy',
      `With ${ratePerSecond} payments a second offered, the orchestrated saga took`,
      ' the time of the monolith to an answer (p50)',
    ],
    ['legacy-lean', 'Against the lean monolith it took', ' the time'],
  ],
});

function unservedSentences(arms: readonly ArmResult[]): string[] {
  const sum = (arm: ArmResult, of: 'unserved' | 'arrivals') =>
    arm.rounds.reduce((total, { offered }) => total + (offered?.[of] ?? 0), 0);
  return arms
    .filter((arm) => sum(arm, 'unserved') > 0)
    .map(
      (arm) =>
        `${arm.name} could not take the rate in ${arm.scenario}: ${percent((100 * sum(arm, 'unserved')) / sum(arm, 'arrivals'))} were not served.`,
    );
}

const joined = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;

const isWord = ({ verdict }: Comparison): boolean => verdict !== 'none' && verdict !== 'indicative';

function strengthOf(comparisons: readonly Comparison[], rounds: number): string[] {
  if (comparisons.some(isWord)) return [];
  return [rounds === 1 ? 'One round each: no verdict.' : `${rounds} rounds each, no A/A arm: indicative.`];
}

const words: Readonly<Record<string, { readonly better: 'more' | 'less'; readonly text: string }>> = {
  'settled/s': { better: 'more', text: 'settled more payments a second' },
  'latency p50': { better: 'less', text: 'answered sooner (p50)' },
  'CPU per payment': { better: 'less', text: 'used less CPU per payment' },
  'WAL per payment': { better: 'less', text: 'wrote less WAL per payment' },
  'lock hold': { better: 'less', text: 'held locks for a shorter time' },
};

/** Said by the report itself, from the same comparisons: where a monolith came out ahead of a saga. */
function monolithWins({ comparisons }: Result): Html {
  const won = comparisons
    .filter((one) => sagas.includes(one.candidate) && words[one.metric] !== undefined)
    .filter((one) => (words[one.metric]?.better === 'more' ? one.ratio < 0.95 : one.ratio > 1.05));
  if (won.length === 0)
    return html`<h3>Where the monolith wins</h3>
      <p>Nowhere in what was measured here.</p>`;
  const groups = new Map<string, Comparison[]>();
  for (const one of won)
    groups.set(`${one.baseline}|${one.metric}`, [...(groups.get(`${one.baseline}|${one.metric}`) ?? []), one]);
  return html`<h3>Where the monolith wins</h3>
    <ul class="notes">
      ${[...groups.values()].map(([first, ...rest]) => first && winSentence([first, ...rest]))}
    </ul>`;
}

function winSentence(won: readonly [Comparison, ...Comparison[]]): Html {
  const [{ baseline, metric }] = won;
  const word = words[metric];
  const factors = won.map((one) => (word?.better === 'more' ? 1 / one.ratio : one.ratio)).sort((a, b) => a - b);
  const [least, most] = [times(factors[0]), times(factors.at(-1))];
  const scenarios = [...new Set(won.map((one) => one.scenario))];
  const rivals = [...new Set(won.map((one) => one.candidate))];
  return html`<li>
    <code>${baseline}</code> ${word?.text} than ${joined(rivals)} in ${joined(scenarios)}:
    ${least === most ? least : `${least} to ${most}`}.
  </li>`;
}

export function badges({ arms, run, validity, guard }: Result): Html {
  const violations = arms.reduce(
    (sum, arm) => sum + arm.violations + arm.rounds.reduce((of, round) => of + round.consistency.violations, 0),
    0,
  );
  const orders = arms.reduce((sum, arm) => sum + arm.ordersVerified, 0);
  const bound = orders > 0 ? `, proven ≥ ${percent((1 - 3 / orders) * 100)}` : '';
  return html`<ul class="badges">
    <li class="badge ${run.state === 'complete' ? 'good' : 'bad'}">${run.state}</li>
    <li class="badge ${violations === 0 ? 'good' : 'bad'}">
      ${figure(violations)} violations in ${figure(orders)} orders${violations === 0 ? bound : ''}
    </li>
    ${guard.some((row) => row.degraded) && html`<li class="badge bad">statements degrade</li>`}
    ${run.sabotage !== null && html`<li class="badge bad">sabotaged on purpose: ${run.sabotage}</li>`}
    ${validity.coResident && html`<li class="badge warn">generator shares the CPU: ratios only</li>`}
    ${validity.noisy && html`<li class="badge warn">noisy machine</li>`}
    ${validity.unsteady && html`<li class="badge warn">unsteady rounds</li>`}
    ${
      run.load.ratePerSecond !== null &&
      html`<li class="badge">${titleOf(run.load.driver)}, ${run.load.ratePerSecond}/s offered</li>`
    }
    <li class="badge">${run.mode} run, ${run.rounds} round${run.rounds === 1 ? '' : 's'}</li>
  </ul>`;
}
