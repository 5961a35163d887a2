/** Two numbers per id, of a million ids in some 60 MB: objects would take three times that. */
export interface Pairs {
  readonly size: number;
  get(id: number): readonly [number, number] | undefined;
  set(id: number, first: number, second: number): void;
  /** Ids in the order in which they came, from a position on; from the start again behind the end. */
  ids(from: number, count: number): number[];
}

export function createPairs(): Pairs {
  const slots = new Map<number, number>();
  let ids = new Float64Array(1_024);
  let numbers = new Float64Array(2_048);
  const slotOf = (id: number): number => {
    const slot = slots.size;
    if (slot === ids.length) [ids, numbers] = [grown(ids), grown(numbers)];
    ids[slot] = id;
    slots.set(id, slot);
    return slot;
  };
  return {
    get size() {
      return slots.size;
    },
    get(id) {
      const slot = slots.get(id);
      return slot === undefined ? undefined : [numbers[2 * slot] ?? NaN, numbers[2 * slot + 1] ?? NaN];
    },
    set(id, first, second) {
      const slot = slots.get(id) ?? slotOf(id); // first: it may put longer arrays in place
      numbers.set([first, second], 2 * slot);
    },
    ids: (from, count) =>
      Array.from({ length: Math.min(count, slots.size) }, (_, i) => ids[(from + i) % slots.size] ?? NaN),
  };
}

function grown(from: Float64Array): Float64Array<ArrayBuffer> {
  const to = new Float64Array(from.length * 2);
  to.set(from);
  return to;
}
