/** Figures with as many digits as they are worth: three that count, thousands apart. */
export function figure(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return `${grouped(value.toFixed(digits))}${unit === '' ? '' : `\u00a0${unit}`}`;
}

const grouped = (text: string): string => {
  const [whole = '', fraction] = text.split('.');
  return whole.replaceAll(/\B(?=(\d{3})+$)/g, '\u202f') + (fraction === undefined ? '' : `.${fraction}`);
};

/** Whole things, thousands apart. */
export const count = (value: number): string => grouped(String(value));

export const ms = (value: number | null | undefined): string => figure(value, 'ms');
/** Ratios never have more than two decimals: no run here is that exact. */
export const times = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : `${value < 1 ? value.toFixed(2) : figure(value)}×`;

/** Percentages keep the digits that tell 99.9 from 99.99. */
export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return `${value >= 99.995 && value < 100 ? value.toFixed(4) : value.toFixed(value === 100 || value === 0 ? 0 : value > 99 ? 3 : 2)}\u00a0%`;
}

export const bytes = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value < 1_000 ? figure(value, 'B') : figure(value / 1_000, 'kB');

export const micros = (value: number): string => (value < 1_000 ? figure(value, 'µs') : figure(value / 1_000, 'ms'));

export const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
