import type { ArmResult, Result, RoundResult } from '../../result.ts';
import { titleOf } from '../../load/loads.ts';
import { figure, ms, percent } from '../format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import { engineName } from './overview.ts';

type Offered = NonNullable<RoundResult['offered']>;

/** What drove the run, in words. */
export function describeLoad({ run: { load } }: Result): string {
  const rate = load.ratePerSecond === null ? '' : `, ${load.ratePerSecond} payments/s offered to every engine`;
  return `${titleOf(load.driver)}${rate}${load.version === null ? '' : `; ${load.version}`}`;
}

/** What an open loop asked of each engine and what it could not send; nothing for a closed loop. */
export function offeredTable(arms: readonly ArmResult[]): Html | false {
  const rows = arms.flatMap((arm) => {
    const rounds = arm.rounds.flatMap(({ offered, settledPerSecond }) =>
      offered ? [{ offered, settledPerSecond }] : [],
    );
    return rounds.length === 0 ? [] : [{ arm, rounds }];
  });
  if (rows.length === 0) return false;
  const columns = [...loadColumns, ...thresholdColumns(rows.map(({ rounds }) => rounds))];
  return html`<h3>Offered load</h3>
    <p class="muted">
      Payments come at an even rate, answered or not, and their latency counts from when they were due. Who comes while
      all clients wait is not served and counts as failed. The thresholds are k6's own verdicts: its rates know what was
      sent, its dropped iterations what was not.
    </p>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>engine</th>
            ${columns.map(([title]) => html`<th>${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ arm, rounds }) =>
              html`<tr>
                <td>${engineName(arm.name)}</td>
                ${columns.map(([, of]) => html`<td>${of(rounds)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

type Rounds = readonly { readonly offered: Offered; readonly settledPerSecond: number }[];

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const total = (rounds: Rounds, of: (offered: Offered) => number): number =>
  rounds.reduce((sum, { offered }) => sum + of(offered), 0);
const worst = (rounds: Rounds, of: (offered: Offered) => number | null): number =>
  Math.max(...rounds.map(({ offered }) => of(offered) ?? 0));

/** Payments are counted, not measured: no decimals. */
const whole = (count: number): string => (count < 100 ? String(count) : figure(count));

type Column = readonly [title: string, of: (rounds: Rounds) => string];

const loadColumns: readonly Column[] = [
  ['asked/s', (rounds) => String(rounds[0]?.offered.ratePerSecond)],
  ['sent/s', (rounds) => figure(mean(rounds.map(({ offered }) => offered.sentPerSecond)))],
  ['settled/s', (rounds) => figure(mean(rounds.map(({ settledPerSecond }) => settledPerSecond)))],
  ['came', (rounds) => whole(total(rounds, ({ arrivals }) => arrivals))],
  [
    'not served',
    (rounds) => {
      const [unserved, arrivals] = [total(rounds, (one) => one.unserved), total(rounds, (one) => one.arrivals)];
      return unserved === 0 ? '0' : `${whole(unserved)} (${percent((100 * unserved) / Math.max(1, arrivals))})`;
    },
  ],
  ['sent late by, p50', (rounds) => ms(worst(rounds, ({ sendLagMs }) => sendLagMs.p50))],
  ['p99', (rounds) => ms(worst(rounds, ({ sendLagMs }) => sendLagMs.p99))],
];

/** One column for each threshold: the rounds in which it held. */
const thresholdColumns = (rows: readonly Rounds[]): Column[] =>
  namesOf(rows.flat()).map((name) => [
    name.replaceAll('_', ' ').replace('>=', ' ≥ ').replace('<=', ' ≤ '),
    (rounds) => `${verdictsOf(rounds, name).filter(Boolean).length} of ${verdictsOf(rounds, name).length}`,
  ]);

const thresholdsOf = (rounds: Rounds) => rounds.flatMap(({ offered }) => offered.thresholds);
const namesOf = (rounds: Rounds): string[] =>
  [...new Set(thresholdsOf(rounds).map(({ metric, expression }) => `${metric} ${expression}`))].sort();
const verdictsOf = (rounds: Rounds, name: string): boolean[] =>
  thresholdsOf(rounds).flatMap(({ metric, expression, passed }) =>
    `${metric} ${expression}` === name ? [passed] : [],
  );
