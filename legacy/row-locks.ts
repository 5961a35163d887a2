import type { LockResource } from '../domain/ports.ts';
import type { Figures } from './figures.ts';

/**
 * Times the row locks of one transaction. Held from the response of the statement that locks to the response of COMMIT
 * or ROLLBACK: stamps taken any earlier were measured to be up to a quarter too short.
 */
export interface RowLocks {
  /** `read` is the statement that locks. */
  taking<T>(resource: LockResource, read: () => Promise<T>): Promise<T>;
  released(): void;
}

export function timeRowLocks(figures: Figures): RowLocks {
  const held: { resource: LockResource; from: number }[] = [];
  return {
    async taking(resource, read) {
      const asked = performance.now();
      const row = await read();
      const from = performance.now();
      figures.waited(resource, 'row', from - asked);
      held.push({ resource, from });
      return row;
    },
    released() {
      const to = performance.now();
      for (const { resource, from } of held.splice(0)) figures.held(resource, 'row', { from, to });
    },
  };
}
