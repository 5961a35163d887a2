import { engines } from '../domain/engines.ts';
import type { Binding, Invariant } from './catalogue/invariant.ts';
import type { Finding } from './check.ts';
import type { EngineOrders } from './order-counts.ts';

/** An invariant that found nothing to examine where there must be something: nothing wrong among nothing is no proof. */
export interface Gap {
  readonly code: string;
  /** Whose orders it missed; null for what belongs to no order. */
  readonly engine: string | null;
  /** What there was, e.g. `840 orders paid`. */
  readonly missed: string;
}

type Examined = Pick<Finding, 'code' | 'examined' | 'examinedBy'>;

type EngineRow = (typeof engines)[number];

const bound: Readonly<Record<Exclude<Binding, 'none'>, (row: EngineRow) => boolean>> = {
  all: () => true,
  sagas: ({ side }) => side === 'saga',
  'one transaction': ({ cut }) => !cut.includes('-'),
  delivering: ({ outside }) => outside === 'delivery log',
};

export const gapSentence = ({ code, engine, missed }: Gap): string =>
  `${code} examined nothing${engine === null ? '' : ` of ${engine}`}, and there are ${missed}`;

export function gapsOf(
  asked: readonly Invariant[],
  findings: readonly Examined[],
  orders: readonly EngineOrders[],
): Gap[] {
  const byCode = new Map(findings.map((finding) => [finding.code, finding]));
  return asked.flatMap((invariant) => {
    const finding = byCode.get(invariant.code);
    return finding === undefined ? [] : gapsIn(invariant, finding, orders);
  });
}

function gapsIn(
  { code, binds, examines }: Invariant,
  { examined, examinedBy = {} }: Examined,
  orders: readonly EngineOrders[],
): Gap[] {
  if (examines === undefined) return [];
  const ran = orders.filter(({ engine }) => engines.some(({ name }) => name === engine));
  if (binds === 'none') {
    const all = ran.reduce((sum, { count }) => sum + count[examines], 0);
    return examined === 0 && all > 0 ? [{ code, engine: null, missed: `${all} orders ${examines}` }] : [];
  }
  const names = engines.filter(bound[binds]).map(({ name }): string => name);
  return ran
    .filter(({ engine, count }) => names.includes(engine) && count[examines] > 0 && (examinedBy[engine] ?? 0) === 0)
    .map(({ engine, count }) => ({ code, engine, missed: `${count[examines]} orders ${examines}` }));
}
