import type { DatabaseFigures } from './figures-sql.ts';

/** A connection of the console's own: opened when somebody looks, closed when nobody does. */
export interface FiguresReader {
  read(): Promise<DatabaseFigures>;
  close(): Promise<void>;
}

export interface DatabaseState {
  /** Since the figures were read; null when they never were. */
  readonly ageMs: number | null;
  /** Whether the last attempt came back. The figures of an earlier one are kept. */
  readonly reachable: boolean;
  readonly figures: DatabaseFigures | null;
}

export interface DatabaseWatch {
  /** Asks the database unless the last question is still open. Never rejects; resolves when the answer or a failure is there. */
  refresh(): Promise<void>;
  state(): DatabaseState;
  /** Waits for the question that is open. */
  close(): Promise<void>;
}

/** An answer that takes longer counts as none. */
const patienceMs = 2_500;

export function watchDatabase(open: () => FiguresReader, now: () => number): DatabaseWatch {
  let reader: FiguresReader | undefined;
  let asking: Promise<void> | undefined;
  let askedAt = 0;
  let failed = false;
  let known: { readonly figures: DatabaseFigures; readonly atMs: number } | undefined;

  async function ask(from: FiguresReader): Promise<void> {
    askedAt = now();
    try {
      known = { figures: await from.read(), atMs: askedAt };
      failed = false;
    } catch {
      failed = true; // The router's own poll logs what is wrong; here it shows on the page.
    }
    asking = undefined;
  }

  return {
    refresh: () => (asking ??= ask((reader ??= open()))),
    state: () => ({
      ageMs: known === undefined ? null : now() - known.atMs,
      reachable: !failed && (asking === undefined || now() - askedAt < patienceMs),
      figures: known?.figures ?? null,
    }),
    async close() {
      const closing = reader;
      reader = undefined;
      await closing?.close();
      await asking;
    },
  };
}
