import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { runSchemaDump } from '../../scripts/schema-dump-command.ts';
import { testServices } from '../support/services.ts';

const { adminUrl, redisUrl } = testServices();
const dir = mkdtempSync(join(tmpdir(), 'dump-'));
const file = join(dir, 'expected.sql');
afterAll(() => {
  rmSync(dir, { recursive: true });
});

async function run(args: string[], env: NodeJS.ProcessEnv = { DATABASE_URL: adminUrl, REDIS_URL: redisUrl }) {
  let said = '';
  const say = (text: string): void => void (said += text);
  const code = await runSchemaDump(args, { env, file, out: say, err: say });
  return { code, said };
}

describe('npm run schema:dump', () => {
  test('writes the file, and --check knows whether it is up to date', async () => {
    expect(await run([])).toEqual({ code: 0, said: `wrote ${file}\n` });
    expect(readFileSync(file, 'utf8')).toContain('table orders (');
    expect((await run(['--check'])).code).toBe(0);
    writeFileSync(file, 'an older schema');
    expect(await run(['--check'])).toEqual({
      code: 1,
      said: expect.stringContaining('npm run schema:dump') as unknown,
    });
    expect(readFileSync(file, 'utf8')).toBe('an older schema');
  });

  test('explains itself', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, said: expect.stringContaining('Usage') as unknown });
    expect(await run(['--chek'])).toMatchObject({ code: 2, said: expect.stringContaining('--chek') as unknown });
  });

  test('says what is wrong with a server it can’t reach', async () => {
    const { code, said } = await run([], { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x', REDIS_URL: redisUrl });
    expect([code, said]).toEqual([4, expect.stringContaining('ECONNREFUSED')]);
  });
});
