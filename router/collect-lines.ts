import type { CollectBody, Collected } from './collect-payload.ts';

/** Of one line. Beyond it values are left out: a line is for finding out, not for keeping. */
const lineLimits = { chars: 4_000, text: 1_000, entries: 40, depth: 5 } as const;
const shortText = 200;
/** A number, or the brackets of a list: what is no text costs as much as a short one. */
const perValue = 16;
const cutMark = '…';

/**
 * What JSON leaves as it is and a terminal or a log viewer may act on: DEL and C1 (0x9b begins an escape sequence), line
 * separators, marks that turn the direction of writing. The C0 controls are escaped by JSON itself.
 */
const acting = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const harmless = (text: string, limit: number): string =>
  (text.length > limit ? text.slice(0, limit) + cutMark : text).replace(
    acting,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** What stands in the log line of an item. Under keys of ours alone: no item can pass for a field of the log. */
export function lineOf({ kind, item }: Collected, meta: CollectBody['meta'], session: string): object {
  return {
    kind,
    app: harmless(meta?.app?.name ?? '', shortText),
    session: harmless(meta?.session?.id ?? session, shortText),
    page: harmless(withoutQuery(meta?.page?.url ?? ''), shortText),
    item: bounded(item, { chars: lineLimits.chars }, lineLimits.depth),
  };
}

/** A query may hold what is nobody's business. */
const withoutQuery = (url: string): string => url.split(/[?#]/, 1)[0] ?? '';

/** A copy that is not too long, not too wide and not too deep. */
function bounded(value: unknown, budget: Budget, depth: number): unknown {
  if (typeof value === 'string') return spend(value, lineLimits.text, budget);
  budget.chars -= perValue;
  if (budget.chars <= 0) return cutMark;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return cutMark;
  return Array.isArray(value) ? boundedList(value, budget, depth - 1) : boundedObject(value, budget, depth - 1);
}

function boundedList(list: readonly unknown[], budget: Budget, depth: number): unknown[] {
  const kept = list.slice(0, lineLimits.entries).map((one) => bounded(one, budget, depth));
  return list.length > kept.length ? [...kept, cutMark] : kept;
}

function boundedObject(value: object, budget: Budget, depth: number): object {
  const entries = Object.entries(value);
  const kept = entries
    .slice(0, lineLimits.entries)
    .map(([key, one]) => [spend(key, shortText, budget), bounded(one, budget, depth)] as const);
  const left = entries.length - kept.length;
  return Object.fromEntries(left > 0 ? [...kept, [cutMark, `${left} more`]] : kept);
}

/** What is left of a line. */
interface Budget {
  chars: number;
}

function spend(text: string, limit: number, budget: Budget): string {
  const kept = harmless(text, Math.max(0, Math.min(limit, budget.chars)));
  budget.chars -= kept.length;
  return kept;
}
