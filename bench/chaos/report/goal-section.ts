import { html, type Html } from '../../../runtime/pages/html.ts';
import { type ChaosResult, figureViolations } from '../chaos-result.ts';
import { type Goal, goalsOf } from '../goals.ts';

/** What the sagas are to reach, what this run measured of it, and what was not measured. */
export function goalSection(result: ChaosResult): Html {
  const broken = figureViolations(result.figures);
  return html`<section id="goals">
    <h2>Goals</h2>
    <p class="muted">
      Of a machine with nothing else to do: one that is missed fails nothing. The payment alone is one of 400 by one
      client, with nothing else going on; Redis counts the commands that scripts call, too.
    </p>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>what</th>
            <th class="left">to reach</th>
            <th class="left">measured</th>
            <th class="left">verdict</th>
          </tr>
        </thead>
        <tbody>
          ${goalsOf(result).map(line)}
        </tbody>
      </table>
    </div>
    ${
      broken.length > 0 &&
      html`<ul class="notes">
        ${broken.map((one) => html`<li><span class="verdict bad">${one}</span></li>`)}
      </ul>`
    }
  </section>`;
}

const looks = { met: 'good', missed: 'warn', 'NOT RUN': 'warn' } as const;

const line = ({ what, goal, measured, verdict }: Goal): Html =>
  html`<tr>
    <td class="wrap">${what}</td>
    <td class="left wrap">${goal}</td>
    <td class="left wrap">${measured ?? '–'}</td>
    <td class="left"><span class="verdict ${looks[verdict]}">${verdict}</span></td>
  </tr>`;
