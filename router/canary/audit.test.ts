import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { auditHash, type AuditEntry, canonical, type ChainedEntry, firstBrokenLink, genesisHash } from './audit.ts';

const entry = (n: number): AuditEntry => ({
  at: '2026-11-22T10:00:00.000Z',
  actor: 'kim',
  action: 'set',
  reason: `step ${n}`,
  fromVersion: n,
  toVersion: n + 1,
  diff: { percentage: { from: n, to: n + 1 } },
});

function chain(length: number): ChainedEntry[] {
  const entries: ChainedEntry[] = [];
  for (let n = 1; n <= length; n += 1) {
    const prevHash = entries.at(-1)?.hash ?? genesisHash;
    entries.push({ ...entry(n), seq: n, prevHash, hash: auditHash(prevHash, entry(n)) });
  }
  return entries;
}

describe('the chain of hashes', () => {
  test('holds as it was written', () => {
    expect(firstBrokenLink([])).toBeUndefined();
    expect(firstBrokenLink(chain(5))).toBeUndefined();
  });

  test('breaks at the entry that was changed, in any field', () => {
    const changes: Partial<ChainedEntry>[] = [
      { at: '2026-11-22T10:00:00.001Z' },
      { actor: 'lee' },
      { action: 'clear' },
      { reason: 'another' },
      { fromVersion: 9 },
      { toVersion: 9 },
      { diff: {} },
      { prevHash: genesisHash.replace('0', '1') },
      { hash: genesisHash },
    ];
    for (const change of changes) {
      const entries = chain(4).map((link) => (link.seq === 3 ? { ...link, ...change } : link));
      expect(firstBrokenLink(entries)).toBe(3);
    }
  });

  test('breaks where one was taken out or put in', () => {
    expect(firstBrokenLink(chain(4).filter(({ seq }) => seq !== 2))).toBe(3);
    expect(firstBrokenLink(chain(4).slice(1))).toBe(2);
  });
});

test('canonical JSON does not depend on the order of keys, and is JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const shuffled = JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
        typeof item === 'object' && item !== null && !Array.isArray(item)
          ? Object.fromEntries(Object.entries(item).reverse())
          : item,
      ) as unknown;
      expect(canonical(shuffled)).toBe(canonical(JSON.parse(JSON.stringify(value))));
      expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
