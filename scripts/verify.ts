import { runVerify } from '../consistency/command.ts';

const interrupted = new AbortController();
// The first one lets it say what was done; a second one ends it at once. SIGTERM is what a scheduler sends.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => interrupted.abort(new Error('interrupted')));

process.exitCode = await runVerify(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  signal: interrupted.signal,
  isTerminal: process.stderr.isTTY,
});
