import { afterEach, describe, expect, jest, test } from '@jest/globals';

const { argv, exitCode } = process;

afterEach(() => {
  jest.restoreAllMocks();
  process.argv = argv;
  process.exitCode = exitCode;
});

describe('what npm runs', () => {
  test.each(['bench', 'canary', 'migrate', 'sagas', 'service', 'start', 'verify'])(
    '%s shows its help and does nothing else',
    async (name) => {
      let out = '';
      jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
        out += String(text);
        return true;
      });
      process.argv = [process.execPath, `scripts/${name}.ts`, '--help'];
      await import(`../../scripts/${name}.ts`);
      expect(out).toMatch(new RegExp(`^Usage: .*${name}`));
      expect(process.exitCode).toBe(0);
    },
  );
});
