import type { Finding } from '../check.ts';
import { fromEventsRules, type RuleCode } from './rules.ts';

/** Counts what was compared and what differed, by rule. Keeps a few ids of each, however much is wrong. */
export interface Tally {
  examined(code: RuleCode, count?: number): void;
  /** `order` null: what differs belongs to none. */
  differs(code: RuleCode, id: string, order: number | null): void;
  findings(): Finding[];
  /** Orders, or things that belong to none, that some difference touches. */
  touched(): number;
}

const sampleSize = 5;
/** Beyond this the score no longer changes what anybody does. */
const touchedLimit = 100_000;

export function createTally(): Tally {
  const counts = new Map(
    fromEventsRules.map((rule) => [rule.code, { examined: 0, violations: 0, sample: [] as string[] }]),
  );
  const touched = new Set<string>();
  const of = (code: RuleCode) => counts.get(code) ?? { examined: 0, violations: 0, sample: [] };
  return {
    examined(code, count = 1) {
      of(code).examined += count;
    },
    differs(code, id, order) {
      const count = of(code);
      count.violations += 1;
      if (count.sample.length < sampleSize) count.sample.push(id);
      if (touched.size < touchedLimit) touched.add(order === null ? id : `order ${order}`);
    },
    findings: () => fromEventsRules.map((rule) => ({ ...rule, class: 'I', ...of(rule.code) })),
    touched: () => touched.size,
  };
}
