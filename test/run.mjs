/**
 * `npm test`: Jest with all that it takes, and one option of ours. `--services docker` runs the tests on Postgres and Redis in
 * containers, `--services embedded` (the default) on servers of this machine; SERVICES says the same. In this process, so that
 * signals, exit code and output are Jest's own.
 */
const kinds = ['embedded', 'docker'];

const at = process.argv.findIndex((word) => word === '--services' || word.startsWith('--services='));
if (at > 0) {
  const [, glued] = process.argv[at].split('=');
  process.env.SERVICES = glued ?? process.argv[at + 1] ?? '';
  process.argv.splice(at, glued === undefined ? 2 : 1);
}

const { SERVICES } = process.env;
if ((at > 0 || SERVICES) && !kinds.includes(SERVICES)) {
  process.stderr.write(`--services '${SERVICES}' is none of ${kinds.join(', ')}\n`);
  process.exitCode = 2;
} else {
  await import('jest/bin/jest');
}
