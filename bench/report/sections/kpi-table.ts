import { kpiRows } from '../../kpi.ts';
import type { Kpi, Result } from '../../result.ts';
import { figure, percent, times } from '../format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';

/** Every row of the migration's promises; scenarios across where it was measured in scenarios. */
export function kpiTable({ kpis, scenarios }: Result): Html {
  const names = scenarios.map((scenario) => scenario.name);
  return html`<section id="kpis">
    <h2>KPIs</h2>
    <p class="muted">
      A KPI is met when even the lower end of its 95 % bound reaches the target, missed when even the upper end does
      not; else there is not enough evidence. Zero failures among n prove no more than 1 − 3/n.
    </p>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th class="left">KPI</th>
            ${names.map((name) => html`<th>${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${kpiRows.map(({ id }) =>
            group(
              kpis.filter((kpi) => kpi.id === id),
              names,
            ),
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function group(rows: readonly Kpi[], scenarios: readonly string[]): Html {
  const [first] = rows;
  if (first === undefined) return html``;
  const head = html`<tr class="group">
    <th colspan="${scenarios.length + 1}">${first.title} <small>target ${first.target}</small></th>
  </tr>`;
  const global = rows.filter((row) => row.scenario === null);
  const lines = [...new Set(rows.filter((row) => row.scenario !== null).map(lineOf))];
  return html`${head}
  ${global.map(
    (row) =>
      html`<tr>
        <td class="left muted">${row.candidate ?? 'all'}</td>
        <td class="left wrap" colspan="${scenarios.length}">${badge(row)} <span class="muted">${row.note}</span></td>
      </tr>`,
  )}
  ${lines.map(
    (line) =>
      html`<tr>
        <td>${line}</td>
        ${scenarios.map((scenario) => cell(rows.find((row) => row.scenario === scenario && lineOf(row) === line)))}
      </tr>`,
  )}`;
}

const lineOf = (row: Kpi): string =>
  row.baseline === null ? (row.candidate ?? '') : `${row.candidate ?? ''} vs ${row.baseline}`;

function cell(row: Kpi | undefined): Html {
  if (row === undefined) return html`<td class="muted">–</td>`;
  const bound = row.bound === null ? '' : `${row.unit === 'x' ? 'low end' : 'proven'} ${value(row, row.bound)}`;
  return html`<td title="${row.note}">${value(row, row.measured)}<small>${bound}</small>${badge(row)}</td>`;
}

const value = ({ unit }: Kpi, of: number | null): string =>
  unit === '%' ? percent(of) : unit === 'x' ? times(of) : unit === 's' ? figure(of, 's') : '';

const tones: Readonly<Record<Kpi['verdict'], string>> = {
  met: 'good',
  missed: 'bad',
  'not enough evidence': 'warn',
  'not measurable by this tool': '',
  'NOT RUN': '',
};

const badge = ({ verdict }: Kpi): Html => html`<span class="verdict ${tones[verdict]}">${verdict}</span>`;
