import type { Found } from './ask-keys.ts';
import type { OnlineEvent } from './watch-online.ts';

const number = (value: number): string => value.toLocaleString('en-US');
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const counted = (n: number, one: string): string => `${number(n)} ${one}${n === 1 ? '' : 's'}`;

/** Lines for a person. */
export function onlineText(event: OnlineEvent): string {
  switch (event.kind) {
    case 'started':
      return [
        `from now on: ledgers of ${counted(event.users, 'user')} and ${counted(event.products, 'product')} folded and checked in ${seconds(event.ms)}; ` +
          `each of them is looked at again within ${counted(event.rotationCycles, 'cycle')}. Orders of before are left to npm run verify`,
        ...foundLines(event.found),
      ].join('\n');
    case 'cycle':
      return [
        `${event.at.toISOString().slice(11, 19)}  ${counted(event.orders, 'order').padStart(12)}, ${counted(event.users, 'user')}, ${counted(event.products, 'product')} in ${event.ms.toFixed(0)} ms, ` +
          `${counted(violationsIn(event.found), 'violation')}; in flight ${number(event.inFlight.moneyWon)} won, ${number(event.inFlight.stock)} in stock, ${counted(event.inFlight.sagas, 'saga')}`,
        ...(event.waiting > 0 ? [`          ${counted(event.waiting, 'order')} left for the next cycle`] : []),
        ...(event.givenUp > 0
          ? [`          ${counted(event.givenUp, 'order')} not examined, too many: run npm run verify -- --since`]
          : []),
        ...(event.refolded ? ['          sums that were carried on were not borne out: folded anew'] : []),
        ...foundLines(event.found),
      ].join('\n');
    case 'away':
      return `the database is away (${messageOf(event.fault)}), trying again`;
    case 'back':
      return `the database is back after ${seconds(event.awayMs)}: what changed meanwhile was examined`;
    case 'position lost':
      return `${event.why}: starting again from now; for what changed meanwhile run npm run verify -- --since`;
  }
}

export const violationsIn = (found: readonly Found[]): number =>
  found.reduce((sum, { violators }) => sum + violators.length, 0);

const shown = 10;

const foundLines = (found: readonly Found[]): string[] =>
  found.map(({ invariant, check, violators }) => {
    const ids = violators.slice(0, shown).map(({ id }) => `${check.subject.name} ${id}`);
    return `! ${invariant.code} ${invariant.sentence} ${ids.join(', ')}${violators.length > shown ? `, .. (${number(violators.length)})` : ''}`;
  });

/** One line for a machine. */
export function onlineJson(event: OnlineEvent): object {
  if (event.kind === 'away') return { kind: event.kind, fault: messageOf(event.fault) };
  if (event.kind !== 'cycle' && event.kind !== 'started') return event;
  const { found, ...rest } = event;
  const findings = found.map(({ invariant, check, violators }) => ({
    code: invariant.code,
    severity: invariant.severity,
    sentence: invariant.sentence,
    subject: check.subject.name,
    violations: violators.length,
    ids: violators.slice(0, 100).map(({ id }) => id),
  }));
  if (rest.kind === 'started') return { ...rest, violations: violationsIn(found), findings };
  const { sagas, moneyWon, stock } = rest.inFlight;
  return { ...rest, inFlight: { sagas, moneyWon, stock }, violations: violationsIn(found), findings };
}

const messageOf = (fault: unknown): string => {
  if (!(fault instanceof Error)) return String(fault);
  const { message, code } = (fault.cause ?? {}) as { readonly message?: string; readonly code?: string };
  return [fault.message, message || code].filter(Boolean).join(': ');
};
