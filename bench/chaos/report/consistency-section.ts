import { count, percent } from '../../report/format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import { engineName } from '../../report/sections/overview.ts';
import type { ChaosResult, FaultResult } from '../chaos-result.ts';

/** What the clients were told, what the books say, and what that proves. */
export const answersAndInvariants = ({ results, score }: ChaosResult): Html =>
  html`<section id="consistency">
    <h2>Consistency</h2>
    <p>
      ${count(score.examined - score.touched)} of ${count(score.examined)} orders consistent: at least
      ${percent(score.lowerBound95 * 100)} with 95 % confidence.
      <span class="muted">
        After each fault, drained: every invariant in one snapshot of the database, the clients’ own log against it, and
        the end that each order’s data demand.
      </span>
    </p>
    ${results.length > 0 && answers(results)}
  </section>`;

const answers = (results: readonly FaultResult[]): Html =>
  html`<div class="card scroll">
    <table>
      <thead>
        <tr>
          <th>fault</th>
          <th class="left">style</th>
          <th>payments</th>
          <th>answered</th>
          <th>asked again</th>
          <th>had been paid</th>
          <th>never told</th>
          <th class="left">violated</th>
        </tr>
      </thead>
      <tbody>
        ${results.map(line)}
      </tbody>
    </table>
  </div>`;

const line = ({ fault, style, payments, answers, violations }: FaultResult): Html =>
  html`<tr>
    <td>${fault}</td>
    <td class="left">${engineName(style)}</td>
    <td>${count(payments)}</td>
    <td>${count(answers.final)}</td>
    <td>${count(answers.askedAgain)}</td>
    <td>${count(answers.turnedOutPaid)}</td>
    <td>${answers.unresolved > 0 ? html`<span class="verdict bad">${count(answers.unresolved)}</span>` : '0'}</td>
    <td class="left wrap">
      ${violations.length === 0 && 'nothing'}
      ${violations.map(
        ({ code, title, violations: n, sample }) =>
          html`<span class="verdict bad">${code}: ${count(n)}</span> ${title}<small>${sample.join(', ')}</small>`,
      )}
    </td>
  </tr>`;
