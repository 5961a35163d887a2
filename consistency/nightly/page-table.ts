import { html, type Html } from '../../runtime/pages/html.ts';
import type { NightlyFinding, NightlyReport } from './report.ts';
import { number } from './wording.ts';

/** Every invariant with what was looked at, by engine: nothing wrong among nothing is no proof, so a 0 is to be seen. */
export function invariantTable({ perInvariant, checked }: NightlyReport): Html {
  const engines = Object.keys(checked).sort();
  const empty = perInvariant.filter(({ examined }) => examined === 0);
  return html`<section id="invariants">
    <h2>All invariants</h2>
    <p class="muted">
      Rows examined, in all and of each engine's orders; what belongs to no order is in the first figure only.
      ${
        empty.length > 0 &&
        `Nothing was there to examine for ${empty.map(({ code }) => code).join(', ')}: that proves nothing about ${empty.length === 1 ? 'it' : 'them'}.`
      }
    </p>
    <div class="scroll" tabindex="0">
      <table>
        <thead>
          <tr>
            <th class="left">code</th>
            <th class="left">what must be true</th>
            <th class="left">of</th>
            <th>violations</th>
            <th>examined</th>
            ${engines.map((engine) => html`<th>${engine}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${perInvariant.map((finding) => row(finding, engines))}
        </tbody>
      </table>
    </div>
  </section>`;
}

const row = (finding: NightlyFinding, engines: readonly string[]): Html => {
  const { code, sentence, severity, violations, examined, examinedBy = {} } = finding;
  return html`<tr class="${violations > 0 && 'broken'}">
    <td class="left"><strong>${code}</strong></td>
    <td class="wrap">${sentence}</td>
    <td class="left">${severity}</td>
    <td>${violations > 0 ? html`<a class="badge bad" href="#finding-${code}">${number(violations)}</a>` : '0'}</td>
    <td class="${examined === 0 && 'nothing'}">${examined === 0 ? 'nothing' : number(examined)}</td>
    ${engines.map((engine) => html`<td class="${examinedBy[engine] === undefined && 'nothing'}">${count(examinedBy[engine])}</td>`)}
  </tr>`;
};

const count = (rows: number | undefined): string => (rows === undefined ? '–' : number(rows));
