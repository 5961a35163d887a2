const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The moment that `2026-11-22T03:00:00Z`, `2026-11-22` (UTC) or `24h` means; a string says why it means none. */
export function momentOf(text: string, now: Date): Date | string {
  const [, amount, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  const moment =
    amount === undefined ? isoMoment(text) : new Date(now.getTime() - Number(amount) * (unitMs[unit] ?? NaN));
  if (moment === undefined)
    return `'${text}' is no moment: give one like 2026-11-22T03:00:00Z, or a time until now like 24h, 90m or 7d`;
  if (moment > now) return `${moment.toISOString()} is in the future: nothing has changed since`;
  return moment;
}

/** Without a zone it would be another moment on another machine: it is UTC then, as everything that is printed here. */
function isoMoment(text: string): Date | undefined {
  const [, day, time = 'T00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(text) ?? [];
  if (day === undefined) return undefined;
  const moment = new Date(`${day}${time.replace(' ', 'T')}${zone}`);
  return !Number.isNaN(moment.getTime()) && dayExists(day) ? moment : undefined;
}

/** `Date` takes the 31st of a shorter month for the 1st of the next. */
const dayExists = (day: string): boolean => {
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
};
