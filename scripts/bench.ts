import { bench } from '../bench/command.ts';

const interrupted = new AbortController();
const interrupt = (): void => {
  if (interrupted.signal.aborted) return; // it is cleaning up; a second Ctrl-C would leave something behind
  process.stderr.write('\nstopping: what was measured is kept\n');
  interrupted.abort(new Error('interrupted'));
};
process.on('SIGINT', interrupt).on('SIGTERM', interrupt);

const { stdout, stderr, pid, env } = process;
process.exitCode = await bench(process.argv.slice(2), {
  stdout,
  stderr,
  pid,
  env,
  now: () => new Date(),
  signal: interrupted.signal,
});
process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
