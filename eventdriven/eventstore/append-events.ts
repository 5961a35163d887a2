import type { Tx } from '../../domain/ports.ts';
import { sqlState } from '../../runtime/database.ts';

/** Events for one stream. */
export interface Appending {
  /** E.g. `order-17`. */
  readonly aggregateId: string;
  /** How many events the stream must have before; 0: there is none. */
  readonly expectedVersion: number;
  readonly events: readonly { readonly type: string; readonly data: unknown }[];
}

export interface VersionConflict {
  readonly aggregateId: string;
  readonly expected: number;
  readonly actual: number;
}

/** Somebody else has written to a stream since it was read. Nothing was written: read again, decide again. */
export class WrongExpectedVersion extends Error {
  override readonly name = 'WrongExpectedVersion';
  readonly conflicts: readonly VersionConflict[];

  constructor(conflicts: readonly VersionConflict[], cause: unknown) {
    const [first] = conflicts;
    super(
      first === undefined
        ? 'a stream is not at the expected version'
        : `${first.aggregateId} is at version ${first.actual}, not ${first.expected}`,
      { cause },
    );
    this.conflicts = conflicts;
  }
}

const wrongVersion = 'SR002';
/** Bounds what one statement locks and holds. */
export const appendLimit = 1_000;

/**
 * Appends to every stream, or to none. Throws WrongExpectedVersion when one of them is not where it was expected; a fault 40001 is to be
 * tried again in a new transaction (`withRetry`). The streams of orders belong to their sagas, which count their events themselves.
 */
export async function appendEvents(tx: Tx, streams: readonly Appending[]): Promise<void> {
  const rows = streams.flatMap(({ aggregateId, expectedVersion, events }) =>
    events.map(({ type, data }) => ({ aggregateId, expectedVersion, type, data: JSON.stringify(data) })),
  );
  if (rows.length === 0) return;
  if (rows.length > appendLimit) throw new RangeError(`${rows.length} events at once; at most ${appendLimit}`);
  try {
    await tx.query('select from append_events($1::text[], $2::int[], $3::text[], $4::jsonb[])', [
      rows.map((row) => row.aggregateId),
      rows.map((row) => row.expectedVersion),
      rows.map((row) => row.type),
      rows.map((row) => row.data),
    ]);
  } catch (error) {
    throw sqlState(error) === wrongVersion ? new WrongExpectedVersion(conflictsOf(error), error) : error;
  }
}

function conflictsOf(error: unknown): VersionConflict[] {
  const { detail } = error as { readonly detail?: string };
  const conflicts = JSON.parse(detail ?? '[]') as { aggregate: string; expected: number; actual: number }[];
  return conflicts.map(({ aggregate, expected, actual }) => ({ aggregateId: aggregate, expected, actual }));
}
