/** What has been found, so that it is said once and looked into once: until it is forgotten, and said again if it is still so. */
export interface Known {
  has(key: string): boolean;
  add(key: string): void;
}

const rememberMs = 600_000;
const rememberAtMost = 100_000;

export function createKnown(now: () => number): Known {
  const since = new Map<string, number>();
  return {
    has(key) {
      const at = since.get(key);
      return at !== undefined && now() - at < rememberMs;
    },
    add(key) {
      since.delete(key);
      since.set(key, now());
      const oldest = since.keys().next().value;
      if (since.size > rememberAtMost && oldest !== undefined) since.delete(oldest);
    },
  };
}
