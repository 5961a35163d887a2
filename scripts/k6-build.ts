import { k6Build } from './k6-build-command.ts';

const interrupted = new AbortController();
const interrupt = (): void => {
  interrupted.abort(new Error('interrupted'));
};
process.on('SIGINT', interrupt).on('SIGTERM', interrupt);

const { stdout, stderr, env, argv } = process;
process.exitCode = await k6Build(argv.slice(2), { stdout, stderr, env, signal: interrupted.signal });
process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
