import { count, figure, percent } from '../../report/format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import type { ChaosResult, FaultResult } from '../chaos-result.ts';

/** What the run says in a few sentences: whether all was survived, what that proves, and how long the slowest took. */
export const chaosHeadline = (result: ChaosResult): Html =>
  html`<section id="summary">
    <p class="headline">${outcome(result)}</p>
    ${result.results.length > 0 && html`<p>${proof(result)} ${slowest(result.results)}</p>`} ${failuresOf(result)}
  </section>`;

function outcome({ results, run, planned }: ChaosResult): string {
  if (planned === 0) return 'No fault was asked for: the goals below say what was measured.';
  if (results.length === 0) return 'No fault was injected: this run says nothing.';
  const payments = results.reduce((sum, one) => sum + one.payments, 0);
  const missed = results.filter(({ openAtInjection }) => openAtInjection === 0).length;
  const failed = results.filter(({ failures, openAtInjection }) => failures.length > 0 && openAtInjection > 0).length;
  const parts = [
    ...(failed > 0 ? [`${failed} not survived`] : []),
    ...(missed > 0 ? [`${missed} not injected: no saga was open when they came`] : []),
  ];
  if (parts.length > 0) return `Of ${results.length} faults ${parts.join(', ')}.`;
  const all = results.length === 1 ? 'The fault was survived' : `All ${results.length} faults were survived`;
  const sofar = run.state === 'complete' ? '' : ` until the run was ${run.state}`;
  return `${all}${sofar}: of ${count(payments)} payments none was lost, done twice or left open.`;
}

const proof = ({ score: { examined, touched, lowerBound95 } }: ChaosResult): string =>
  `${count(examined - touched)} of ${count(examined)} orders are consistent, which proves at least ${percent(lowerBound95 * 100)} with 95 % confidence.`;

function slowest(results: readonly FaultResult[]): string {
  const timed = results.filter(({ zeroOpenSeconds }) => zeroOpenSeconds !== null);
  const last = timed.reduce<FaultResult | undefined>(
    (most, one) => ((one.zeroOpenSeconds ?? 0) > (most?.zeroOpenSeconds ?? -1) ? one : most),
    undefined,
  );
  if (last === undefined) return '';
  const met = results.filter(isWithinGoal).length;
  return `Longest until no saga of before was open: ${figure(last.zeroOpenSeconds, 's')}, ${last.fault} in ${last.style}. Goals for p99 were met by ${met} of ${results.length}.`;
}

export const isWithinGoal = ({ p99Seconds, goalSeconds }: FaultResult): boolean =>
  (p99Seconds ?? Infinity) <= goalSeconds;

function failuresOf({ results }: ChaosResult): Html | false {
  const lines = results.flatMap(({ fault, style, failures }) =>
    failures.map((failure) => html`<li><b>${fault}, ${style}</b>: ${failure}</li>`),
  );
  return (
    lines.length > 0 &&
    html`<h3>What failed</h3>
      <ul class="notes">
        ${lines}
      </ul>`
  );
}
