/** Remembers which ids have been seen, in bounded memory. */
export interface SeenIds {
  /** True when the id is new. */
  add(id: string): boolean;
}

/**
 * One bit per id that ends in a number, 32,768 numbers of one prefix to a page of 4 KiB: a million payments with dense ids
 * take 128 KiB, where a Set of strings takes 60 MB. Beyond `maxPages` (16 MiB when all are full) the oldest page is forgotten, and beyond
 * `maxOthers` the oldest id without a number: a repetition that arrives later than that counts as new.
 */
export function seenIds(maxPages = 4096, maxOthers = 100_000): SeenIds {
  const pages = new Map<string, Uint32Array>();
  const others = new Set<string>();
  return {
    add(id) {
      // The number has no leading zero, so 'a-07' and 'a-7' stay two ids.
      const [, prefix, digits] = /^(.*?)(0|[1-9]\d{0,14})$/s.exec(id) ?? [];
      if (prefix === undefined || digits === undefined) return addOther(id);
      const n = Number(digits);
      const page = pageOf(`${prefix}#${Math.floor(n / 32_768)}`);
      const word = (n % 32_768) >>> 5;
      const bit = 1 << (n & 31);
      const before = page[word] ?? 0;
      page[word] = before | bit;
      return (before & bit) === 0;
    },
  };

  function pageOf(key: string): Uint32Array {
    const known = pages.get(key);
    if (known !== undefined) return known;
    const page = new Uint32Array(1024);
    pages.set(key, page);
    forgetOldest(pages, maxPages);
    return page;
  }

  function addOther(id: string): boolean {
    if (others.has(id)) return false;
    others.add(id);
    forgetOldest(others, maxOthers);
    return true;
  }
}

/** Maps and Sets keep the order of insertion, so the first key is the oldest. */
function forgetOldest(kept: Map<string, unknown> | Set<string>, max: number): void {
  if (kept.size <= max) return;
  for (const oldest of kept.keys()) {
    kept.delete(oldest);
    return;
  }
}
