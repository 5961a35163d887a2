/**
 * Loaded into a child process by `--import`. The parent holds the other end of stdin and never writes: when the pipe ends, the parent is gone,
 * kill -9 included, and the child stops as if it had been told to.
 */
const stdin = process.stdin as NodeJS.ReadStream & { unref(): void };
const leave = (): void => {
  process.kill(process.pid, 'SIGTERM');
};
stdin.on('end', leave).on('error', leave).resume();
stdin.unref(); // It keeps nobody alive.
