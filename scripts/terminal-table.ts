const columnLimit = 80;

/** Control characters of a text from elsewhere could move the cursor; a line break would break the table. */
export function cell(text: string, limit = columnLimit): string {
  const plain = text.replace(/\p{C}+/gu, ' ').trim();
  return plain.length <= limit ? plain : `${plain.slice(0, limit - 3)}...`;
}

/** Columns as wide as they must be, numbers to the right; nothing at all without lines. */
export function table(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  if (lines.length === 0) return '';
  const cells = lines.map((line) => line.map((text) => cell(text)));
  const columns = heads.map((head, i) => {
    const texts = cells.map((line) => line[i] ?? '');
    return {
      width: texts.reduce((width, text) => Math.max(width, text.length), head.length),
      right: texts.every((text) => /^-?\d+$/.test(text)),
    };
  });
  return [heads, ...cells]
    .map((line) =>
      columns
        .map(({ width, right }, i) => (right ? (line[i] ?? '').padStart(width) : (line[i] ?? '').padEnd(width)))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

const units = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'm', ms: 60_000 },
] as const;

/** Two units at most: 0.4s, 12s, 3m 5s, 2h 10m, 4d 1h. */
export function durationText(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1_000).toFixed(1)}s`;
  const at = units.findIndex((unit) => ms >= unit.ms);
  const unit = units[at];
  if (unit === undefined) return `${Math.floor(ms / 1_000)}s`;
  const lower = units[at + 1] ?? { name: 's', ms: 1_000 };
  return `${Math.floor(ms / unit.ms)}${unit.name} ${Math.floor((ms % unit.ms) / lower.ms)}${lower.name}`;
}
