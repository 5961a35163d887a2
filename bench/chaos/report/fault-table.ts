import { count } from '../../report/format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import { engineName } from '../../report/sections/overview.ts';
import type { ChaosResult, FaultResult } from '../chaos-result.ts';
import { isWithinGoal } from './chaos-headline.ts';

const seconds = (value: number | null): string => (value === null ? '–' : value.toFixed(1));

/** Fault by fault: what it was, what surviving it shows, and for each style what it hit and how long it was felt. */
export function faultTable({ results, notRun }: ChaosResult): Html {
  const faults = [...new Set([...results, ...notRun].map(({ fault }) => fault))];
  return html`<section id="faults">
    <h2>Faults</h2>
    <p class="muted">
      Seconds from the fault. Replaced: what was killed is there again. Rate back: a second begins with 80 % of the ends
      of before. Zero open: the last saga that was open then is final. p99 counts from the replacement, over all that
      ended afterwards.
    </p>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>fault</th>
            <th>open then</th>
            <th>replaced</th>
            <th>rate back</th>
            <th>zero open</th>
            <th>p99</th>
            <th>goal</th>
            <th>violations</th>
            <th class="left">verdict</th>
          </tr>
        </thead>
        <tbody>
          ${faults.map((fault) => [
            groupOf(results.find((one) => one.fault === fault) ?? { fault, title: '', proves: '' }),
            results.filter((one) => one.fault === fault).map(rowOf),
            notRun
              .filter((one) => one.fault === fault)
              .map(
                ({ style, why }) =>
                  html`<tr>
                    <td>${engineName(style)}</td>
                    <td colspan="7" class="left wrap muted">${why}</td>
                    <td class="left"><span class="verdict warn">NOT RUN</span></td>
                  </tr>`,
              ),
          ])}
        </tbody>
      </table>
    </div>
  </section>`;
}

const groupOf = ({ fault, title, proves }: { fault: string; title: string; proves: string }): Html =>
  html`<tr class="group">
    <th colspan="9">
      <a href="#fault-${fault}">${fault}</a><small>${title}</small><small class="proves">${proves}</small>
    </th>
  </tr>`;

const rowOf = (row: FaultResult): Html =>
  html`<tr>
    <td>${engineName(row.style)}</td>
    <td>${count(row.openAtInjection)}</td>
    <td>${row.replacedSeconds === 0 ? '–' : seconds(row.replacedSeconds)}</td>
    <td>${seconds(row.restoredSeconds)}</td>
    <td>${seconds(row.zeroOpenSeconds)}</td>
    <td>${seconds(row.p99Seconds)}</td>
    <td>${row.goalSeconds}</td>
    <td>${count(row.violations.reduce((sum, { violations }) => sum + violations, 0))}</td>
    <td class="left">${verdict(row)}</td>
  </tr>`;

function verdict(row: FaultResult): Html {
  if (row.openAtInjection === 0) return html`<span class="verdict bad">not injected</span>`;
  if (row.failures.length > 0) return html`<span class="verdict bad">FAILED</span>`;
  return html`<span class="verdict good">survived</span>
    ${!isWithinGoal(row) && html`<span class="verdict warn">goal missed</span>`}`;
}
