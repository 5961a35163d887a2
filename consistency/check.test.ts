import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import type { Tx } from '../domain/ports.ts';
import { askSubject, bySubject, findingOf, touchedBy } from './check.ts';
import type { Invariant, Subject } from './catalogue/invariant.ts';
import { invariants } from './invariants.ts';
import { among } from './scope.ts';

const subject: Subject = {
  name: 'thing',
  key: 'order',
  tables: ['things'],
  sql: (within) => `select 1 as id, null::bigint as order_id, null as engine from things where ${within('order_id')}`,
};
const invariant = (code: string, wrong: string, kind: Invariant['class'] = 'I', applies = 'true'): Invariant => ({
  code,
  class: kind,
  severity: 'money',
  sentence: 'All is well.',
  remedy: 'Look.',
  binds: 'all',
  checks: [{ subject, applies, wrong }],
});

const answering = (counts: object | object[], violators: object[] = []): { tx: Tx; asked: string[] } => {
  const asked: string[] = [];
  const query = (text: string): Promise<never[]> => {
    asked.push(text);
    return Promise.resolve((text.includes('count(*)') ? [counts].flat() : violators) as never[]);
  };
  return { tx: { query }, asked };
};

describe('asking a subject', () => {
  test('one pass answers all its invariants', async () => {
    const pair = [invariant('Z1', 'a'), invariant('Z2', 'b', 'I', 'some')];
    const { tx, asked } = answering({ engine: null, examined_0: 3, violations_0: 0, examined_1: 2, violations_1: 0 });
    const answers = await askSubject(tx, subject, bySubject(pair).get(subject)!);
    expect(asked).toHaveLength(1);
    expect(answers.map(({ examined }) => examined)).toEqual([3, 2]);
  });

  test('rows that several invariants look at are counted once', async () => {
    const trio = [invariant('Z1', 'a', 'I', 'some'), invariant('Z2', 'b'), invariant('Z3', 'c', 'I', 'some')];
    const counts = { engine: null, examined_0: 2, examined_1: 3, violations_0: 0, violations_1: 0, violations_2: 0 };
    const { tx, asked } = answering(counts);
    const answers = await askSubject(tx, subject, bySubject(trio).get(subject)!);
    expect(answers.map(({ examined }) => examined)).toEqual([2, 3, 2]);
    expect(asked[0]!.match(/as examined_/g)).toHaveLength(2);
  });

  test('what was examined is counted by the engine of its order', async () => {
    const { tx } = answering([
      { engine: 'legacy', examined_0: 3, violations_0: 0 },
      { engine: null, examined_0: 2, violations_0: 0 },
    ]);
    const [answer] = await askSubject(tx, subject, bySubject([invariant('Z1', 'a')]).get(subject)!);
    expect(answer).toMatchObject({ examined: 5, examinedBy: { legacy: 3 } });
  });

  test('of some keys only their rows are read, the keys bound', async () => {
    const { tx, asked } = answering({ engine: null, examined_0: 1, violations_0: 0 });
    await askSubject(tx, subject, bySubject([invariant('Z1', 'a')]).get(subject)!, among([7]));
    expect(asked[0]).toContain('where order_id = any($1::bigint[])');
  });

  test('a condition that came out NULL counts as a violation', async () => {
    const { tx, asked } = answering({ engine: null, examined_0: 1, violations_0: 0 });
    await askSubject(tx, subject, bySubject([invariant('Z1', 'amount <> total')]).get(subject)!);
    expect(asked[0]).toContain('(amount <> total) is not false');
  });

  test('a finding samples five ids, and orders count as touched once', async () => {
    const violators = [1, 2, 3, 4, 5, 6, 6].map((id) => ({ id: String(id), orderId: id }));
    const late = invariant('Z2', 'b', 'Q');
    const first = invariant('Z1', 'a');
    const { tx } = answering({ engine: null, examined_0: 9, violations_0: 7, examined_1: 9, violations_1: 1 }, [
      ...violators,
      { id: '8', orderId: null },
    ]);
    const answers = await askSubject(tx, subject, bySubject([first, late]).get(subject)!);
    expect(findingOf(first, answers)).toMatchObject({
      examined: 9,
      violations: 7,
      sample: ['thing 1', 'thing 2', 'thing 3', 'thing 4', 'thing 5'],
    });
    expect([...touchedBy(answers)]).toEqual([
      'order 1',
      'order 2',
      'order 3',
      'order 4',
      'order 5',
      'order 6',
      'thing 8',
    ]);
    expect(touchedBy(answers.filter((answer) => answer.invariant === late)).size).toBe(0);
  });
});

test('every invariant stands in the docs, with its class', async () => {
  const docs = await readFile(new URL('../docs/consistency.md', import.meta.url), 'utf8');
  const documented = [...docs.matchAll(/^\| ([A-Z]\d) +\| ([ITLQ]) +\|/gm)].map(([, code, kind]) => [code, kind]);
  expect(documented).toEqual(invariants.map((each) => [each.code, each.class]));
});

test('codes are unique and every sentence ends', () => {
  expect(new Set(invariants.map(({ code }) => code)).size).toBe(invariants.length);
  for (const { sentence } of invariants) expect(sentence).toMatch(/^[A-Z].*\.$/);
});
