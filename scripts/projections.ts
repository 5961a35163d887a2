import { runProjections } from './projections-command.ts';

const interrupted = new AbortController();
// The first one rolls back and says so; a second one ends it at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => interrupted.abort(new Error('interrupted: the lists are as they were')));

process.exitCode = await runProjections(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  signal: interrupted.signal,
});
