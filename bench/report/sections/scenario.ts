import { type ArmResult, type Cost, type Result, type RoundResult, type ScenarioResult, validRounds } from '../../result.ts';
import { chartsOf, meanOver } from '../charts.ts';
import { bytes, figure, micros, ms, percent } from '../format.ts';
import { html, type Html } from '../html.ts';
import { engineName } from './overview.ts';

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
    <ul class="chips">${chipsOf(scenario).map((chip) => html`<li>${chip}</li>`)}</ul>
    <ul class="legend">${arms.map((arm) => html`<li>${engineName(arm.name)}</li>`)}</ul>
    <div class="grid">
      ${figureOf('throughput', 'Throughput', 'settled payments/s, by round')} ${figureOf('latency', 'Latency', 'ms, request to final answer, by percentile')}
      ${figureOf('hold', 'Lock hold', 'mean ms, logarithmic')} ${figureOf('wait', 'Lock wait', 'mean ms, logarithmic')}
    </div>
    ${table('Time of a payment', timeColumns, arms)} ${table('Cost of a payment', costColumns, arms)} ${table('Outcomes', outcomeColumns, arms)}
    ${lockDetails(arms)}
  </section>`;
}

function chipsOf(scenario: ScenarioResult): string[] {
  const added = Object.values(scenario.addedMs).filter((value) => value > 0);
  const failures = Object.entries(scenario.failures).filter(([, share]) => share > 0);
  return [
    `${scenario.clients} clients, closed loop`,
    scenario.skew,
    ...(added.length > 0 ? [`${added.join(' + ')} ms added`] : []),
    `outside ${scenario.outsideMs} ms${scenario.outsideFailureRate > 0 ? `, ${percent(scenario.outsideFailureRate * 100)} fail` : ''}`,
    ...failures.map(([name, share]) => `${name} ${percent(share * 100)}`),
    ...(scenario.percentage === null ? [] : [`${scenario.percentage} % of users on the saga`]),
    `${scenario.connectionsPerArm} connections an arm`,
    `window ${figure(scenario.windowSeconds, 's')}`,
  ];
}

interface Column {
  readonly title: string;
  readonly of: (arm: ArmResult, rounds: readonly RoundResult[]) => string;
}

const table = (title: string, columns: readonly Column[], arms: readonly ArmResult[]): Html =>
  html`<h3>${title}</h3>
    <div class="card scroll">
      <table>
        <thead>
          <tr><th>engine</th>${columns.map((column) => html`<th>${column.title}</th>`)}</tr>
        </thead>
        <tbody>
          ${arms.map((arm) => html`<tr><td>${engineName(arm.name)}</td>${columns.map((column) => html`<td>${column.of(arm, validRounds(arm))}</td>`)}</tr>`)}
        </tbody>
      </table>
    </div>`;

const average = (rounds: readonly RoundResult[], of: (round: RoundResult) => number | null): number | null => {
  const values = rounds.map(of).filter((value): value is number => value !== null);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
};

/** Engines of an arm weighted by their payments. */
const perPayment = (rounds: readonly RoundResult[], which: 'transactionMs' | 'lockHoldPerPaymentMs', figure_: 'sumMs' | 'maxMs'): number | null => {
  const rows = rounds.flatMap((round) => round[which]);
  const count = rows.reduce((sum, row) => sum + row[figure_].count, 0);
  return count === 0 ? null : rows.reduce((sum, row) => sum + (row[figure_].mean ?? 0) * row[figure_].count, 0) / count;
};

const semantic = (rounds: readonly RoundResult[], of: 'acceptedToFinal' | 'debitToFinal'): string =>
  [...new Set(rounds.flatMap((round) => round.semanticHoldMs.map((one) => one.engine)))]
    .map((engine) => ms(average(rounds, (round) => round.semanticHoldMs.find((one) => one.engine === engine)?.[of] ?? null)))
    .join(' / ');

const few = (value: number | null): string => (value === null ? 'n too small' : ms(value));

const timeColumns: readonly Column[] = [
  { title: 'p50', of: (arm) => few(arm.latencyMs.p50) },
  { title: 'p95', of: (arm) => few(arm.latencyMs.p95) },
  { title: 'p99', of: (arm) => few(arm.latencyMs.p99) },
  { title: 'max', of: (arm) => ms(arm.latencyMs.max) },
  { title: 'transactions, sum', of: (_, rounds) => ms(perPayment(rounds, 'transactionMs', 'sumMs')) },
  { title: 'longest transaction', of: (_, rounds) => ms(perPayment(rounds, 'transactionMs', 'maxMs')) },
  { title: 'locks held, sum', of: (_, rounds) => ms(perPayment(rounds, 'lockHoldPerPaymentMs', 'sumMs')) },
  { title: 'longest lock', of: (_, rounds) => ms(perPayment(rounds, 'lockHoldPerPaymentMs', 'maxMs')) },
  { title: 'accepted to final', of: (_, rounds) => semantic(rounds, 'acceptedToFinal') },
  { title: 'debit to final', of: (_, rounds) => semantic(rounds, 'debitToFinal') },
];

const cost = (title: string, show: (value: number | null) => string, of: (cost: Cost) => number | null): Column => ({
  title,
  of: (_, rounds) => show(average(rounds, (round) => of(round.cost))),
});
const cpu = (title: string, part: keyof Cost['cpuMicros']): Column => cost(title, (value) => (value === null || value === 0 ? '–' : micros(value)), (one) => one.cpuMicros[part]);

const costColumns: readonly Column[] = [
  cost('round trips', (value) => figure(value), (one) => one.roundTrips),
  cost('commits', (value) => figure(value), (one) => one.commits),
  cost('WAL', bytes, (one) => one.walBytes),
  cost('page images', bytes, (one) => one.fullPageImageBytes),
  cost('Redis commands', (value) => figure(value), (one) => one.redisCommands),
  cost('CPU, all', (value) => micros(value ?? 0), (one) => one.cpuMicrosTotal),
  cpu('router', 'router'),
  cpu('worker', 'worker'),
  cpu('Postgres', 'postgres'),
  cpu('Redis', 'redis'),
  cpu('outside', 'dataPlatform'),
  { title: 'memory', of: (_, rounds) => figure(Math.max(0, ...rounds.flatMap((round) => [round.memoryMb.router, round.memoryMb.worker])), 'MB') },
];

const sum = (rounds: readonly RoundResult[], of: (round: RoundResult) => number): number => rounds.reduce((total, round) => total + of(round), 0);

const outcomeColumns: readonly Column[] = [
  { title: 'paid', of: (arm) => figure(sum(arm.rounds, (round) => round.outcomes.paid)) },
  { title: 'refused by rule', of: (arm) => figure(sum(arm.rounds, (round) => round.outcomes.refused)) },
  { title: 'failed', of: (arm) => figure(sum(arm.rounds, (round) => round.outcomes.failed)) },
  { title: 'unknown', of: (arm) => figure(sum(arm.rounds, (round) => round.outcomes.unknown)) },
  { title: 'accepted/s', of: (_, rounds) => figure(average(rounds, (round) => round.acceptedPerSecond)) },
  {
    title: 'delivered',
    of: (arm) => percent((100 * sum(arm.rounds, (round) => round.delivery.received)) / Math.max(1, sum(arm.rounds, (round) => round.delivery.expected))),
  },
  { title: 'drain', of: (_, rounds) => figure(average(rounds, (round) => round.drain.seconds), 's') },
  { title: 'rounds that count', of: (arm, rounds) => `${rounds.length} of ${arm.rounds.length}${arm.rounds.some((round) => round.endedEarly) ? ', orders ran out' : ''}` },
];

/** The table behind the two lock charts, unions included. */
function lockDetails(arms: readonly ArmResult[]): Html {
  const rows = arms.flatMap((arm) => {
    const keys = new Map(arm.rounds.flatMap((round) => round.locks).map(({ lock, kind }) => [`${lock} ${kind}`, { lock, kind }]));
    return [...keys.values()].map(({ lock, kind }) => ({ arm, lock, kind }));
  });
  return html`<details>
    <summary>Locks in figures</summary>
    <p class="muted">From the lock statement's response to the response of COMMIT; union is the time a resource was kept from others by Redis lock or row lock, which never add up.</p>
    <div class="card scroll">
      <table>
        <thead><tr><th>engine</th><th class="left">lock</th><th>wait, mean</th><th>wait, p99</th><th>hold, mean</th><th>hold, p50</th><th>hold, p99</th></tr></thead>
        <tbody>
          ${rows.map(
            ({ arm, lock, kind }) => html`<tr>
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
