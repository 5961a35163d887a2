import type { Explanation } from './explain.ts';

/** For a terminal: what it says, what to do, and SQL to paste into psql. */
export const explanationText = (each: Explanation): string =>
  `${each.code}  ${each.sentence}

holds      ${each.when} (class ${each.class})
severity   ${each.severity}
binds      ${each.binds}
examines   ${each.mustExamine ?? 'what there is; none is no failure'}
reads      ${each.tables.join(', ')}
to do      ${each.remedy}

-- ${each.sql.length === 1 ? 'returns' : 'each returns'} the rows that violate it
${each.sql.join('\n\n')}
`;

export const listText = (all: readonly Explanation[]): string =>
  `${all.map(({ code, class: kind, severity, sentence }) => `${code}  ${kind}  ${severity.padEnd(9)} ${sentence}`).join('\n')}\n`;

/** docs/consistency-sql.md. */
export const explanationsPage = (all: readonly Explanation[]): string => `# Consistency: the SQL of each invariant

Written by \`npm run verify -- --explain all\`; what each one means stands in [consistency.md](consistency.md). Each statement returns
the rows that violate, as it stands, in psql. Several statements see one moment only inside of \`begin isolation level repeatable read read only;\`.
${all.map(sectionOf).join('')}`;

const sectionOf = (each: Explanation): string => `
## ${each.code}

${each.sentence}

Class ${each.class} (${each.when}), ${each.severity}, binds ${each.binds}. Reads ${each.tables.map((table) => `\`${table}\``).join(', ')}.

\`\`\`sql
${each.sql.join('\n\n')}
\`\`\`
`;
