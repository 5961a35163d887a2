import type { Within } from './catalogue/invariant.ts';

/** Which rows of its subjects a pass looks at. */
export interface Scope {
  readonly within: Within;
  /** Bound to the statement, whatever it asks. */
  readonly values: readonly unknown[];
}

export const everything: Scope = { within: () => 'true', values: [] };

/** The rows of these keys, found by index. Only for subjects whose key they are, and never for one that has no parts. */
export const among = (keys: readonly number[]): Scope => ({
  within: (column, prefix) =>
    prefix === undefined
      ? `${column} = any($1::bigint[])`
      : `${column} = any(array(select '${prefix}' || key from unnest($1::bigint[]) key))`,
  values: [keys],
});
