import type { Environment, Result, ScenarioResult } from '../../result.ts';
import { duration, figure, percent } from '../format.ts';
import { describeLoad } from './offered.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';

export function validity({ validity: block, notRun, arms, run }: Result): Html {
  const generator = arms
    .flatMap((arm) => arm.rounds)
    .flatMap(({ cost: { cpuMicros, cpuMicrosTotal: total } }) =>
      total === null ? [] : [cpuMicros.generator / Math.max(1, total + cpuMicros.generator)],
    );
  const share = generator.length === 0 ? null : generator.reduce((sum, one) => sum + one, 0) / generator.length;
  return html`<section id="validity">
    <h2>How far to trust it</h2>
    <ul class="notes">
      <li>
        Generator and system share one machine; the generator used
        ${share === null ? 'an unmeasured part' : percent(share * 100)} of the CPU on average. Take ratios from here,
        never absolute figures.
      </li>
      <li>
        ${
          run.load.ratePerSecond === null
            ? 'Closed loop: a client waits for its answer, so a stall hides the requests that would have come meanwhile.'
            : 'Open loop: requests come at their rate and their latency counts from when they were due, so a stall is seen by all who came meanwhile. Below its limit every engine settles what is offered: this run says how soon, not how much.'
        }
      </li>
      ${block.reasons.map((reason) => html`<li>${reason}</li>`)}
    </ul>
    <h3>NOT RUN</h3>
    <ul class="notes">
      ${notRun.map(({ stage, why }) => html`<li>${stage}: <span class="muted">${why}</span></li>`)}
    </ul>
  </section>`;
}

type Fact = readonly [name: string, fact: string | Html];

/** What machine and what servers. */
export function machineFacts(env: Omit<Environment, 'fdatasyncPerSecond' | 'fdatasyncWhere' | 'topology'>): Fact[] {
  const settings = (of: Readonly<Record<string, string>>) =>
    Object.entries(of)
      .map(([name, setting]) => `${name} = ${setting === '' ? '(empty)' : setting}`)
      .join(', ');
  const pressure = env.cpuPressure === null ? '' : `, CPU pressure ${percent(env.cpuPressure)}`;
  return [
    ['Machine', `${env.cpu}, ${env.cores} cores, ${figure(env.memoryMb / 1_024, 'GB')}, ${env.kernel}`],
    ['Node', env.node],
    ['PostgreSQL', `${env.postgres.version} (${env.postgres.how}): ${settings(env.postgres.settings)}`],
    ['Redis', `${env.redis.version} (${env.redis.how}): ${settings(env.redis.settings)}`],
    ['Before the run', `load average ${env.loadAverage.toFixed(2)}${pressure}`],
  ];
}

export const factCard = (facts: readonly Fact[]): Html =>
  html`<dl class="facts card">
    ${facts.map(
      ([name, fact]) =>
        html`<dt>${name}</dt>
          <dd>${fact}</dd>`,
    )}
  </dl>`;

export function environment(result: Result): Html {
  const { environment: env, run, scenarios } = result;
  const facts: readonly Fact[] = [
    ...machineFacts(env),
    [
      'fdatasync',
      env.fdatasyncPerSecond === null
        ? 'not measured'
        : `${figure(env.fdatasyncPerSecond)} of 8 kB a second, one after the other, on ${env.fdatasyncWhere}`,
    ],
    ['Arms', html`${env.topology.map((line) => html`${line}<br />`)}`],
    ['Load', describeLoad(result)],
    ['Command', html`<code>${run.command}</code>`],
    ['Sources', `${run.commit ?? 'no commit'}${run.dirty === true ? ', with changes' : ''}`],
    ['Seed', `${run.seed}, of data, order of the arms and statistics`],
    ['Time scale', String(run.timeScale)],
    ['Took', duration(run.seconds)],
  ];
  return html`<section id="environment">
    <h2>Environment</h2>
    ${factCard(facts)}
    <h3>Scenarios in full</h3>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>parameter</th>
            ${scenarios.map((scenario) => html`<th>${scenario.name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${parameters.map(
            ([name, of]) =>
              html`<tr>
                <td>${name}</td>
                ${scenarios.map((scenario) => html`<td>${of(scenario)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

const failure = (name: string) => (scenario: ScenarioResult) => percent((scenario.failures[name] ?? 0) * 100);
const added = (step: string) => (scenario: ScenarioResult) => figure(scenario.addedMs[step] ?? 0, 'ms');

const parameters: readonly (readonly [string, (scenario: ScenarioResult) => string])[] = [
  ['clients', (scenario) => figure(scenario.clients)],
  ['products wanted', (scenario) => scenario.skew],
  ['users / products', (scenario) => `${figure(scenario.users)} / ${figure(scenario.products)}`],
  ['orders / per round', (scenario) => `${figure(scenario.orders)} / ${figure(scenario.ordersPerRound)}`],
  ['validateOrder takes', added('validateOrder')],
  ['deductBalance takes', added('deductBalance')],
  ['confirmStock takes', added('confirmStock')],
  ['createPayment takes', added('createPayment')],
  ['outside call takes', (scenario) => figure(scenario.outsideMs, 'ms')],
  ['outside time-out', (scenario) => figure(scenario.outsideTimeoutMs, 'ms')],
  ['outside fails', (scenario) => percent(scenario.outsideFailureRate * 100)],
  ['too little balance', failure('poorBalance')],
  ['lapsed reservation', failure('lapsedReservation')],
  ['used coupon', failure('usedCoupon')],
  ['blocked user', failure('blockedUser')],
  ['batches', (scenario) => (scenario.batching ? 'natural' : 'off')],
  ['users on the saga', (scenario) => (scenario.percentage === null ? 'pinned' : percent(scenario.percentage))],
  ['redlock retry', (scenario) => `${scenario.redlockRetryMs} ms`],
  ['connections an arm', (scenario) => figure(scenario.connectionsPerArm)],
  ['lead-in / window', (scenario) => `${figure(scenario.leadInSeconds)} / ${figure(scenario.windowSeconds)} s`],
];
