import { paymentDefinitions } from '../../domain/saga-definitions.ts';
import type { Pool } from '../../runtime/database.ts';
import { type OpenBooks, openBooksText, readOpenBooks } from './open-books.ts';
import {
  type LedgerLine,
  type PastAction,
  type Payment,
  readActions,
  readEvents,
  readLedgerLines,
  readPayment,
  readReceipts,
  readState,
  type Receipt,
  type SagaState,
  sagaOfOrder,
  type StreamEvent,
} from './saga-story-sql.ts';
import { whatHappensNext } from './what-happens-next.ts';

/** All there is to know of a saga, in one snapshot. */
export interface SagaStory {
  readonly saga: SagaState;
  readonly receipts: readonly Receipt[];
  readonly events: readonly StreamEvent[];
  /** Of its order. */
  readonly ledger: readonly LedgerLine[];
  readonly payment: Payment | null;
  readonly books: OpenBooks | null;
  readonly actions: readonly PastAction[];
  /** In words. */
  readonly next: readonly string[];
}

/** By its own id, or by that of its order. Undefined when there is no such saga. */
export const readSagaStory = (pool: Pool, id: number, by: 'saga' | 'order'): Promise<SagaStory | undefined> =>
  pool.transaction(
    async (tx) => {
      const sagaId = by === 'saga' ? id : await sagaOfOrder(tx, id);
      const saga = sagaId === undefined ? undefined : await readState(tx, sagaId);
      if (saga === undefined) return undefined;
      const receipts = await readReceipts(tx, saga.sagaId);
      const books = (await readOpenBooks(tx, saga.orderId)) ?? null;
      const actions = await readActions(tx, saga.sagaId);
      return {
        ...{ saga, receipts, books, actions },
        events: await readEvents(tx, saga.orderId),
        ledger: await readLedgerLines(tx, saga.orderId),
        payment: await readPayment(tx, saga.orderId),
        next: whatHappensNext({
          ...{ saga, receipts, actions },
          boundaries: paymentDefinitions.find(({ version }) => version === saga.version)?.cut.map(({ name }) => name),
          open: books === null ? [] : openBooksText(books),
        }),
      };
    },
    { isolation: 'repeatable read', readOnly: true },
  );
