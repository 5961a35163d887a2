import type { CommandIo } from './command-mode.ts';
import type { VerifyOptions } from './verifier.ts';

type Show = NonNullable<VerifyOptions['onProgress']>;

/** On a terminal one line that is written over; elsewhere, as in CI, a line for each subject that is done. */
export function progressOn({ err, isTerminal = false }: CommandIo): { readonly show: Show; clear(): void } {
  const under = new Set<string>();
  let seen = -1;
  return {
    show({ subject, done, of }) {
      const ended = done > seen && seen >= 0;
      seen = Math.max(done, seen);
      if (ended) under.delete(subject);
      else under.add(subject);
      if (isTerminal) err(`\r\x1b[K${done} of ${of} done${under.size > 0 ? `, now ${[...under].join(' and ')}` : ''}`);
      else if (ended) err(`${done} of ${of} done: ${subject}\n`);
    },
    clear: () => {
      if (isTerminal && seen >= 0) err('\r\x1b[K');
    },
  };
}
