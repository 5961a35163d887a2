import type { ArmResult, Result } from '../../result.ts';
import { provenShare } from '../../statistics/proof-bound.ts';
import { figure, percent } from '../format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import { engineName } from './overview.ts';

interface Line {
  readonly code: string;
  readonly title: string;
  readonly examined: number;
  readonly violations: number;
  readonly sample: readonly string[];
}

/** What the verifier looked at after each arm had drained, and what it found. */
export function consistency({ arms, guard, drills }: Result): Html {
  const lines = invariantLines(arms);
  return html`<section id="consistency">
    <h2>Consistency</h2>
    <p class="muted">
      Every invariant in one read-only snapshot of each arm's database, after it had drained, and the driver's own log
      against it (A0 to A4). Nothing examined would be a failure.
    </p>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>scenario</th>
            <th class="left">engine</th>
            <th>orders verified</th>
            <th>violations</th>
            <th>proven consistent</th>
          </tr>
        </thead>
        <tbody>
          ${arms.map(armLine)}
        </tbody>
      </table>
    </div>
    ${askingAgain(arms)}
    <details ${lines.some((line) => line.violations > 0) ? 'open' : ''}>
      <summary>${lines.length} invariants</summary>
      <div class="card scroll">
        <table>
          <thead>
            <tr>
              <th>code</th>
              <th class="left wrap">invariant</th>
              <th>rows examined</th>
              <th>violations</th>
            </tr>
          </thead>
          <tbody>
            ${lines.map(
              (line) =>
                html`<tr>
                  <td>${line.code}</td>
                  <td class="left wrap">
                    ${line.title}${line.sample.length > 0 && html`<small>${line.sample.join(', ')}</small>`}
                  </td>
                  <td>${figure(line.examined)}</td>
                  <td>
                    ${line.violations > 0 ? html`<span class="verdict bad">${figure(line.violations)}</span>` : '0'}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
    ${drills.map(
      (drill) =>
        html`<h3>Recovery drill</h3>
          <p>
            The saga worker was killed (kill −9) after ${figure(drill.killedAfterSeconds, 's')} of load with
            ${figure(drill.openAtKill)} sagas open. Another one was up ${figure(drill.replacementReadySeconds, 's')}
            later; after
            ${drill.secondsToZeroOpen === null ? 'the limit some were still open' : html`${figure(drill.secondsToZeroOpen, 's')} none was open`}.
            Violations:
            ${figure(drill.violations)}${drill.findings.map((finding) => html`, ${finding.code} ${finding.sample.join(', ')}`)}.
          </p>`,
    )}
    <h3>Statement-time guard</h3>
    ${
      guard.length === 0
        ? html`<p class="muted">Needs two quiet rounds of an arm that batches.</p>`
        : html`<div class="card scroll">
            <table>
              <thead>
                <tr>
                  <th>scenario</th>
                  <th class="left">engine</th>
                  <th class="left">boundary</th>
                  <th>first round</th>
                  <th>last round</th>
                  <th>ratio</th>
                  <th>Postgres CPU</th>
                </tr>
              </thead>
              <tbody>
                ${guard.map(
                  (row) =>
                    html`<tr>
                      <td>${row.scenario}</td>
                      <td class="left">${engineName(row.arm)}</td>
                      <td class="left">${row.boundary}</td>
                      <td>${figure(row.firstMs * 1_000, 'µs')}</td>
                      <td>${figure(row.lastMs * 1_000, 'µs')}</td>
                      <td>
                        ${row.degraded ? html`<span class="verdict bad">${figure(row.ratio)}</span>` : figure(row.ratio)}
                      </td>
                      <td>${figure(row.cpuRatio)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}

function armLine(arm: ArmResult): Html {
  const violations = arm.violations + arm.rounds.reduce((sum, round) => sum + round.consistency.violations, 0);
  return html`<tr>
    <td>${arm.scenario}</td>
    <td class="left">${engineName(arm.name)}</td>
    <td>${arm.verified ? figure(arm.ordersVerified) : 'not verified'}</td>
    <td>${violations > 0 ? html`<span class="verdict bad">${figure(violations)}</span>` : '0'}</td>
    <td>
      ${arm.verified ? `≥ ${percent(provenShare(arm.ordersVerified, Math.min(violations, arm.ordersVerified)) * 100)}` : '–'}
    </td>
  </tr>`;
}

/** What clients without an answer could have known only by asking again. Results of older versions do not say. */
function askingAgain(arms: readonly ArmResult[]): Html | null {
  const logs = arms.flatMap((arm) => arm.rounds.flatMap(({ consistency: { clientLog } }) => clientLog ?? []));
  if (logs.length === 0) return null;
  const total = (of: (log: (typeof logs)[number]) => number) => logs.reduce((sum, log) => sum + of(log), 0);
  const [requests, answered] = [total((log) => log.askedAgain.requests), total((log) => log.askedAgain.answered)];
  const [paid, refused] = [total(({ unknown }) => unknown.paid), total(({ unknown }) => unknown.refused)];
  const [untouched, open] = [total(({ unknown }) => unknown.untouched), total(({ unknown }) => unknown.open)];
  const unknown = paid + refused + untouched + open;
  return html`<p class="muted">
    When the rounds were over the driver asked again, ${figure(requests)} times, and was answered ${figure(answered)}
    times (A3, A4).
    ${
      unknown === 0
        ? 'Every payment had got its final answer at first.'
        : html`Of ${figure(unknown)} payments without a final answer ${figure(paid)} turned out to be paid
          (${percent((100 * paid) / unknown)}), ${figure(refused)} refused, ${figure(untouched)} without effect,
          ${figure(open)} open.`
    }
  </p>`;
}

function invariantLines(arms: readonly ArmResult[]): Line[] {
  const lines = new Map<string, Line>();
  const driver = arms.flatMap((arm) =>
    arm.rounds.flatMap((round) => [
      ...(round.consistency.clientLog?.invariants ?? []),
      ...round.consistency.findings
        .filter(({ code }) => !round.consistency.clientLog?.invariants.some((one) => one.code === code))
        .map((finding) => ({ ...finding, examined: round.consistency.checked })),
    ]),
  );
  for (const one of [...arms.flatMap((arm) => arm.invariants), ...driver]) {
    const line = lines.get(one.code);
    lines.set(one.code, {
      code: one.code,
      title: one.title,
      examined: (line?.examined ?? 0) + one.examined,
      violations: (line?.violations ?? 0) + one.violations,
      sample: [...(line?.sample ?? []), ...one.sample].slice(0, 5),
    });
  }
  return [...lines.values()].sort((a, b) => b.violations - a.violations);
}
