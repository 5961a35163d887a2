import type { Tx } from '../../domain/ports.ts';

const pageSize = 5_000;
let cursors = 0;

/** The rows of a query in pages: neither side holds them all. Only within a transaction. */
export async function* pagesOf<Row>(tx: Tx, sql: string, signal: AbortSignal | undefined): AsyncGenerator<Row[]> {
  const name = `from_events_${++cursors}`;
  await tx.query(`declare ${name} no scroll cursor for ${sql}`);
  for (;;) {
    signal?.throwIfAborted();
    const page = await tx.query<Row>(`fetch ${pageSize} from ${name}`);
    if (page.length > 0) yield page;
    if (page.length < pageSize) break;
  }
  await tx.query(`close ${name}`);
}

/** One result for all rows that follow each other with one key; a stream of a million rows takes no more memory than one of three. */
export async function* foldedBy<Row, State>(
  pages: AsyncGenerator<Row[]>,
  keyOf: (row: Row) => string | number,
  begin: (row: Row) => State,
  step: (state: State, row: Row) => State,
): AsyncGenerator<State> {
  let open: { readonly key: string | number; state: State } | undefined;
  for await (const page of pages) {
    for (const row of page) {
      const key = keyOf(row);
      if (open?.key !== key) {
        if (open !== undefined) yield open.state;
        open = { key, state: begin(row) };
      }
      open.state = step(open.state, row);
    }
  }
  if (open !== undefined) yield open.state;
}
