import { spawn } from 'node:child_process';

export interface Watchdog {
  /** `signal` is what ends the child in a hurry, e.g. SIGTERM. */
  watch(pid: number, signal: NodeJS.Signals): void;
  /** Takes the `docker` command, if there is one; else they are left to the next start's sweep. */
  watchContainers(engine: string, label: string): void;
  stop(): void;
}

/**
 * A shell that reads from a pipe of ours. The pipe breaks when we are gone, however we went (kill -9 included): then it ends the
 * children and removes their directory and lease. The next start's sweep does the same; this is only sooner.
 */
export function startWatchdog(dir: string, file: string): Watchdog {
  const shell = spawn('/bin/sh', ['-c', script, 'sh', dir, file], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // Ctrl-C is for us, not for it.
  });
  const ignore = (): void => undefined;
  shell.on('error', ignore); // No shell, no watchdog: the sweep is there.
  shell.stdin.on('error', ignore);
  shell.unref();
  return {
    watch(pid, signal) {
      shell.stdin.write(`${signal.replace('SIG', '')} ${pid}\n`);
    },
    watchContainers(engine, label) {
      shell.stdin.write(`containers ${engine} ${label}\n`);
    },
    stop() {
      shell.stdin.end('stopped\n');
    },
  };
}

const script = `
children=
containers=
while read -r word rest; do
  case $word in
    stopped) exit 0 ;;
    containers) containers=$rest ;;
    *) children="$children $word:$rest" ;;
  esac
done
for child in $children; do kill -"\${child%:*}" "\${child#*:}"; done
for tenth in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  alive=
  for child in $children; do kill -0 "\${child#*:}" && alive=1; done
  [ -z "$alive" ] && break
  sleep 0.1
done
rm -rf "$1" && rm -f "$2"
[ -z "$containers" ] && exit 0
export DOCKER_HOST="\${containers% *}"
for late in 1 2 3; do # One that was being created when we died shows a moment later.
  ids=$(docker ps -aq --filter "label=\${containers##* }")
  [ -n "$ids" ] && docker rm -fv $ids
  sleep 1
done
`;
