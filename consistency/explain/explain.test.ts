import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repository } from '../../runtime/repository.ts';
import { runVerify } from '../command.ts';
import { invariants } from '../invariants.ts';

async function verify(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runVerify(argv, { env: {}, out: (text) => (out += text), err: (text) => (err += text) });
  return { code, out, err };
}
const doc = (name: string): string => readFileSync(join(repository, 'docs', name), 'utf8');

describe('npm run verify -- --explain', () => {
  test('says what an invariant means, whom it binds, its tables, its SQL and what to do', async () => {
    const { code, out } = await verify('--explain', 'p4');
    expect(code).toBe(0);
    expect(out).toMatch(/^P4 {2}An order is PAID exactly when it has a completed payment\.$/m);
    expect(out).toMatch(/^holds +in every snapshot \(class I\)$/m);
    expect(out).toMatch(/^binds +every engine$/m);
    expect(out).toMatch(/^examines +orders worked on$/m);
    expect(out).toMatch(/^reads +.*orders.*payments/m);
    expect(out).toMatch(/^to do +Status and payment must change in one transaction\.$/m);
    expect(out).toContain(`((status = 'PAID') is distinct from (payments > 0)) is not false\norder by id;`);
  });

  test('lists them without a code, and each is a JSON document for a program', async () => {
    const list = await verify('--explain');
    expect(list.out.match(/^[A-Z]\d {2}[ITLQ] /gm)).toHaveLength(invariants.length);
    expect(JSON.parse((await verify('--explain', 'B1', '--json')).out)).toMatchObject({
      code: 'B1',
      severity: 'money',
    });
    expect(JSON.parse((await verify('--explain', '--json')).out)).toHaveLength(invariants.length);
  });

  test('an unknown code ends with 2 and says which there are', async () => {
    expect(await verify('--explain', 'Z9')).toMatchObject({ code: 2, err: expect.stringContaining('B1, B2') });
  });
});

describe('the docs', () => {
  test('docs/consistency-sql.md is what --explain all prints: npm run -s verify -- --explain all > docs/consistency-sql.md', async () => {
    expect(doc('consistency-sql.md')).toBe((await verify('--explain', 'all')).out);
  });

  test('docs/consistency.md says the same of what to do', () => {
    const rows = [...doc('consistency.md').matchAll(/^\| ([A-Z]\d) +\| [ITLQ] +\| .*? +\| (.*?) +\|$/gm)];
    expect(Object.fromEntries(rows.map(([, code, remedy]) => [code, remedy]))).toEqual(
      Object.fromEntries(invariants.map(({ code, remedy }) => [code, remedy])),
    );
  });
});
