import { type ArmResult, type Cost, type RoundResult, validRounds } from '../../result.ts';
import { bytes, figure, micros, ms, percent } from '../format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import { engineName } from './overview.ts';

/** What a payment took, what it cost and how it ended, by engine. */
export const paymentTables = (arms: readonly ArmResult[]): Html =>
  html`${table('Time of a payment', timeColumns, arms)} ${table('Cost of a payment', costColumns, arms)}
  ${table('Outcomes', outcomeColumns, arms)}`;

interface Column {
  readonly title: string;
  readonly of: (arm: ArmResult, rounds: readonly RoundResult[]) => string;
}

const table = (title: string, columns: readonly Column[], arms: readonly ArmResult[]): Html =>
  html`<h3>${title}</h3>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>engine</th>
            ${columns.map((column) => html`<th>${column.title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${arms.map(
            (arm) =>
              html`<tr>
                <td>${engineName(arm.name)}</td>
                ${columns.map((column) => html`<td>${column.of(arm, validRounds(arm))}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;

const average = (rounds: readonly RoundResult[], of: (round: RoundResult) => number | null): number | null => {
  const values = rounds.map(of).filter((value): value is number => value !== null);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
};

/** Engines of an arm weighted by their payments. */
const perPayment = (
  rounds: readonly RoundResult[],
  which: 'transactionMs' | 'lockHoldPerPaymentMs',
  figure_: 'sumMs' | 'maxMs',
): number | null => {
  const rows = rounds.flatMap((round) => round[which]);
  const count = rows.reduce((sum, row) => sum + row[figure_].count, 0);
  return count === 0 ? null : rows.reduce((sum, row) => sum + (row[figure_].mean ?? 0) * row[figure_].count, 0) / count;
};

const semantic = (rounds: readonly RoundResult[], of: 'acceptedToFinal' | 'debitToFinal'): string =>
  [...new Set(rounds.flatMap((round) => round.semanticHoldMs.map((one) => one.engine)))]
    .map((engine) =>
      ms(average(rounds, (round) => round.semanticHoldMs.find((one) => one.engine === engine)?.[of] ?? null)),
    )
    .join(' / ');

/** A percentile is missing when there were too few payments, or when it falls among those that were not served. */
const percentile = (arm: ArmResult, value: number | null): string => {
  const unserved = arm.rounds.some(({ offered }) => (offered?.unserved ?? 0) > 0);
  return value === null ? (unserved ? 'not served' : 'n too small') : ms(value);
};

const timeColumns: readonly Column[] = [
  { title: 'p50', of: (arm) => percentile(arm, arm.latencyMs.p50) },
  { title: 'p95', of: (arm) => percentile(arm, arm.latencyMs.p95) },
  { title: 'p99', of: (arm) => percentile(arm, arm.latencyMs.p99) },
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
const cpu = (title: string, part: keyof Cost['cpuMicros']): Column =>
  cost(
    title,
    (value) => (value === null ? 'not measured' : value === 0 ? '–' : micros(value)),
    (one) => one.cpuMicros[part],
  );

const costColumns: readonly Column[] = [
  cost(
    'round trips',
    (value) => figure(value),
    (one) => one.roundTrips,
  ),
  cost(
    'commits',
    (value) => figure(value),
    (one) => one.commits,
  ),
  cost('WAL', bytes, (one) => one.walBytes),
  cost('page images', bytes, (one) => one.fullPageImageBytes),
  cost(
    'Redis commands',
    (value) => figure(value),
    (one) => one.redisCommands,
  ),
  cost(
    'CPU, all',
    (value) => (value === null ? 'not measured' : micros(value)),
    (one) => one.cpuMicrosTotal,
  ),
  cpu('router', 'router'),
  cpu('worker', 'worker'),
  cpu('Postgres', 'postgres'),
  cpu('Redis', 'redis'),
  cpu('outside', 'dataPlatform'),
  {
    title: 'memory',
    of: (_, rounds) =>
      figure(Math.max(0, ...rounds.flatMap((round) => [round.memoryMb.router, round.memoryMb.worker])), 'MB'),
  },
];

const sum = (rounds: readonly RoundResult[], of: (round: RoundResult) => number): number =>
  rounds.reduce((total, round) => total + of(round), 0);

const outcomeColumns: readonly Column[] = [
  { title: 'paid', of: (arm) => figure(sum(arm.rounds, (round) => round.outcomes.paid)) },
  { title: 'refused by rule', of: (arm) => figure(sum(arm.rounds, (round) => round.outcomes.refused)) },
  { title: 'failed', of: (arm) => figure(sum(arm.rounds, (round) => round.outcomes.failed)) },
  { title: 'unknown', of: (arm) => figure(sum(arm.rounds, (round) => round.outcomes.unknown)) },
  { title: 'accepted/s', of: (_, rounds) => figure(average(rounds, (round) => round.acceptedPerSecond)) },
  {
    title: 'delivered',
    of: (arm) =>
      percent(
        (100 * sum(arm.rounds, (round) => round.delivery.received)) /
          Math.max(
            1,
            sum(arm.rounds, (round) => round.delivery.expected),
          ),
      ),
  },
  {
    title: 'drain',
    of: (_, rounds) =>
      figure(
        average(rounds, (round) => round.drain.seconds),
        's',
      ),
  },
  {
    title: 'rounds that count',
    of: (arm, rounds) =>
      `${rounds.length} of ${arm.rounds.length}${arm.rounds.some((round) => round.endedEarly) ? ', orders ran out' : ''}`,
  },
];
