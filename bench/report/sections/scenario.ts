import type { ArmResult, Result, ScenarioResult } from '../../result.ts';
import { chartsOf, meanOver } from '../charts.ts';
import { figure, ms, percent } from '../format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import { engineName } from './overview.ts';
import { offeredTable } from './offered.ts';
import { paymentTables } from './payment-tables.ts';

/** One scenario: its parameters, four charts, and what a payment took and cost. */
export function scenarioSection(scenario: ScenarioResult, result: Result): Html {
  const arms = result.arms.filter((arm) => arm.scenario === scenario.name);
  const charts = chartsOf(scenario.name, arms);
  const figureOf = (suffix: string, title: string, note: string) => {
    const chart = charts.find((one) => one.id === `${scenario.name}-${suffix}`);
    return (
      chart &&
      html`<figure class="card">
        <figcaption>${title} <span>${note}</span></figcaption>
        <div class="chart" id="${chart.id}" role="img" aria-label="${title}, ${scenario.name}"></div>
      </figure>`
    );
  };
  return html`<section id="scenario-${scenario.name}">
    <h2>${scenario.name}</h2>
    <p>${scenario.sentence}</p>
    <ul class="chips">
      ${chipsOf(scenario, result.run.load.ratePerSecond).map((chip) => html`<li>${chip}</li>`)}
    </ul>
    <ul class="legend">
      ${arms.map((arm) => html`<li>${engineName(arm.name)}</li>`)}
    </ul>
    <div class="grid">
      ${figureOf('throughput', 'Throughput', 'settled payments/s, by round')}
      ${figureOf('latency', 'Latency', `ms, ${result.run.load.ratePerSecond === null ? 'request' : 'due'} to final answer, by percentile`)}
      ${figureOf('hold', 'Lock hold', 'mean ms, logarithmic')} ${figureOf('wait', 'Lock wait', 'mean ms, logarithmic')}
    </div>
    ${offeredTable(arms)} ${paymentTables(arms)} ${lockDetails(arms)}
  </section>`;
}

function chipsOf(scenario: ScenarioResult, ratePerSecond: number | null): string[] {
  const added = Object.values(scenario.addedMs).filter((value) => value > 0);
  const failures = Object.entries(scenario.failures).filter(([, share]) => share > 0);
  return [
    ratePerSecond === null
      ? `${scenario.clients} clients, closed loop`
      : `${ratePerSecond} payments/s offered, at most ${scenario.clients} in flight`,
    scenario.skew,
    ...(added.length > 0 ? [`${added.join(' + ')} ms added`] : []),
    `outside ${scenario.outsideMs} ms${scenario.outsideFailureRate > 0 ? `, ${percent(scenario.outsideFailureRate * 100)} fail` : ''}`,
    ...failures.map(([name, share]) => `${name} ${percent(share * 100)}`),
    ...(scenario.percentage === null ? [] : [`${scenario.percentage} % of users on the saga`]),
    `${scenario.connectionsPerArm} connections an arm`,
    `window ${figure(scenario.windowSeconds, 's')}`,
  ];
}

/** The table behind the two lock charts, unions included. */
function lockDetails(arms: readonly ArmResult[]): Html {
  const rows = arms.flatMap((arm) => {
    const keys = new Map(
      arm.rounds.flatMap((round) => round.locks).map(({ lock, kind }) => [`${lock} ${kind}`, { lock, kind }]),
    );
    return [...keys.values()].map(({ lock, kind }) => ({ arm, lock, kind }));
  });
  return html`<details>
    <summary>Locks in figures</summary>
    <p class="muted">
      From the lock statement's response to the response of COMMIT; union is the time a resource was kept from others by
      Redis lock or row lock, which never add up.
    </p>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>engine</th>
            <th class="left">lock</th>
            <th>wait, mean</th>
            <th>wait, p99</th>
            <th>hold, mean</th>
            <th>hold, p50</th>
            <th>hold, p99</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ arm, lock, kind }) =>
              html`<tr>
                <td>${engineName(arm.name)}</td>
                <td class="left">${lock} ${kind}</td>
                <td>${ms(meanOver(arm, lock, kind, (one) => one.waitMs.mean))}</td>
                <td>${ms(meanOver(arm, lock, kind, (one) => one.waitMs.p99))}</td>
                <td>${ms(meanOver(arm, lock, kind, (one) => one.holdMs.mean))}</td>
                <td>${ms(meanOver(arm, lock, kind, (one) => one.holdMs.p50))}</td>
                <td>${ms(meanOver(arm, lock, kind, (one) => one.holdMs.p99))}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}
