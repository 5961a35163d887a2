import type { Proposed } from './propose.ts';
import type { Applied, Proposals } from './repair-run.ts';
import type { Settled } from './settle.ts';

/** Each finding with what mends it, for a person who decides. */
export function proposalsText({ findings, more }: Proposals): string {
  if (findings.length === 0) return 'nothing is broken: nothing to repair\n';
  const possible = findings.filter(({ repair }) => repair !== undefined).length;
  return [
    ...findings.flatMap(proposedLines),
    `${findings.length} findings: ${possible} can be repaired, ${findings.length - possible} can't by this command`,
    ...(more > 0 ? [`${more} more were not looked into: raise --limit, or narrow by --codes`] : []),
    ...(possible > 0
      ? [`nothing was changed. All that can be: npm run verify -- --repair --apply --all --reason '...'`]
      : []),
    '',
  ].join('\n');
}

function proposedLines({ ref, subject, id, repair, does, command, why, look }: Proposed): string[] {
  const head = `${ref}  (${subject} ${id})`;
  if (repair !== undefined)
    return [head, `  ${repair}: ${does ?? ''}`, `  npm run verify -- --repair --apply ${ref} --reason '...'`, ''];
  if (command !== undefined) return [head, `  ${why}`, `  ${command}`, `  look at: ${look}`, ''];
  return [head, `  no safe repair: ${why}`, `  look at: ${look}`, ''];
}

export const settledText = ({ ref, outcome, says }: Settled): string => `${ref}  ${outcome}: ${says}\n`;

export function appliedText({ settled, left, more }: Applied): string {
  const count = (which: Settled['outcome']): number => settled.filter(({ outcome }) => outcome === which).length;
  return [
    `done ${count('done')}, gone ${count('gone')}, unsafe ${count('unsafe')}, failed ${count('failed')}`,
    ...(more > 0 ? [`${more} more were not looked into: raise --limit, or call it again`] : []),
    left.length === 0 ? 'verified again: what was touched is in order' : `still broken: ${shown(left)}`,
    '',
  ].join('\n');
}

const shownAtMost = 20;

const shown = (left: readonly string[]): string =>
  `${left.slice(0, shownAtMost).join(', ')}${left.length > shownAtMost ? `, and ${left.length - shownAtMost} more` : ''}`;
