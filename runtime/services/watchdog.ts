import { spawn } from 'node:child_process';

/**
 * A shell that waits on a pipe from us. The pipe breaks when we are gone, however we went (kill -9 included): then it ends the
 * children and removes their data. Word by word the same as the sweep of leases, only at once; the sweep is what must be right.
 */
export function startWatchdog(
  postgresPid: number | undefined,
  redisPid: number | undefined,
  dir: string,
  file: string,
): { stop(): void } {
  const shell = spawn('/bin/sh', ['-c', script, 'sh', pidOrNone(postgresPid), pidOrNone(redisPid), dir, file], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // Ctrl-C is for us, not for it.
  });
  shell.on('error', () => undefined); // No shell: the next start sweeps.
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return {
    stop() {
      shell.stdin.end('stopped\n');
    },
  };
}

const pidOrNone = (pid: number | undefined): string => (pid === undefined ? '' : String(pid));

const script = `
read -r word
[ "$word" = stopped ] && exit 0
[ -n "$1" ] && kill -QUIT "$1"
[ -n "$2" ] && kill -TERM "$2"
for tenth in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
  alive=
  [ -n "$1" ] && kill -0 "$1" 2>/dev/null && alive=1
  [ -n "$2" ] && kill -0 "$2" 2>/dev/null && alive=1
  [ -z "$alive" ] && break
  sleep 0.1
done
rm -rf "$3" && rm -f "$4"
`;
