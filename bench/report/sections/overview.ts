import { type ArmResult, type Result, validRounds } from '../../result.ts';
import { geometricMean } from '../../statistics/paired-ratios.ts';
import { lockHoldOf } from '../../terminal/result-table.ts';
import { colourOf } from '../colours.ts';
import { figure, ms, times } from '../format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';

/** Engines down, scenarios across: settled payments a second, with what that is against the two baselines. */
export function overview(result: Result): Html {
  const names = [...new Set(result.arms.map((arm) => arm.name))];
  const scenarios = result.scenarios.map((scenario) => scenario.name);
  const most = Math.max(1, ...result.arms.map(rateOf));
  return html`<section id="overview">
    <h2>Settled payments per second</h2>
    <p class="muted">
      ${
        result.run.load.ratePerSecond !== null &&
        html`Every engine was offered ${result.run.load.ratePerSecond} a second. `
      }Final
      in the database and seen by the driver within the window; geometric mean over rounds. Small print: against the
      monolith, and against the lean one. The longest lock of a payment below.
    </p>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>engine</th>
            ${scenarios.map((name) => html`<th>${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${names.map(
            (name) =>
              html`<tr>
                <td>${engineName(name)}</td>
                ${scenarios.map((scenario) => cell(result, scenario, name, most))}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

export const engineName = (name: string): Html =>
  html`<span class="dot" style="--c:${colourOf(name.replace(' (A/A)', ''))}"></span>${name}`;

function cell(result: Result, scenario: string, name: string, most: number): Html {
  const arm = result.arms.find((one) => one.scenario === scenario && one.name === name);
  if (arm === undefined) return html`<td class="muted">–</td>`;
  const rate = rateOf(arm);
  const against = (baseline: string) =>
    result.comparisons.find(
      (one) =>
        one.metric === 'settled/s' && one.scenario === scenario && one.candidate === name && one.baseline === baseline,
    )?.ratio;
  const ratios = [['legacy', against('legacy')] as const, ['lean', against('legacy-lean')] as const].filter(
    ([, ratio]) => ratio !== undefined,
  );
  return html`<td>
    ${rate === 0 ? 'none counts' : figure(rate)}
    <span class="bar" style="--c:${colourOf(arm.engine)};width:${((100 * rate) / most).toFixed(1)}%"></span>
    <small>${ratios.map(([baseline, ratio]) => `${times(ratio)} ${baseline}`).join(' · ')}</small>
    <small>lock ${ms(lockHoldOf(arm))}</small>
  </td>`;
}

function rateOf(arm: ArmResult): number {
  const rates = validRounds(arm).map((round) => round.settledPerSecond);
  return rates.length === 0 ? 0 : geometricMean(rates.map((rate) => Math.max(rate, 0.01)));
}
