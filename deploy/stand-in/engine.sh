#!/usr/bin/env bash
# A Docker engine for machines that run none: `engine.sh start` uses the one that answers, else starts dockerd (installing it
# on Debian, as root) and waits until it answers; `engine.sh stop` ends the one that start began, and no other.
# Exit 0 ok, 1 it could be had but does not work, 4 it can't be had on this machine (one line says why).
set -uo pipefail

home=${SAGASHIFT_ENGINE_DIR:-${TMPDIR:-/tmp}/sagashift-engine}
pidfile=$home/dockerd.pid
log=$home/dockerd.log

# The first that works is taken. Without iptables, published ports still work: docker-proxy carries them.
attempts=('' '--iptables=false --ip6tables=false --ip-masq=false' '--storage-driver=vfs --iptables=false --ip-masq=false')

answers() { timeout 5 docker info >/dev/null 2>&1; }

unavailable() {
  echo "no Docker engine: $1"
  exit 4
}

may_run_containers() { # root in a container without CAP_SYS_ADMIN can't
  [ "$(id -u)" = 0 ] && [ $((0x$(awk '/^CapEff/{print $2}' /proc/self/status) >> 21 & 1)) = 1 ]
}

install_engine() { # dockerd and its client, from the distribution
  command -v dockerd >/dev/null && command -v docker >/dev/null && return
  command -v apt-get >/dev/null || unavailable 'none answers, and there is no apt-get to install docker.io with'
  apt-get update -qq
  apt-cache show docker.io >/dev/null 2>&1 || unavailable 'none answers, and apt-get knows no docker.io'
  # RUNLEVEL=1 keeps the package from starting the daemon itself: we want to know which one is ours. Newer Debians have the
  # client in a package of its own.
  local packages=(docker.io iptables)
  apt-cache show docker-cli >/dev/null 2>&1 && packages+=(docker-cli)
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
}

launch() { # flags... -> 0 when it answers
  # shellcheck disable=SC2086
  setsid dockerd --data-root "$home/data" --exec-root "$home/exec" --pidfile "$pidfile" $1 >"$log" 2>&1 </dev/null &
  local dockerd=$!
  for _ in $(seq 120); do
    answers && return 0
    kill -0 "$dockerd" 2>/dev/null || return 1
    sleep 0.25
  done
  end "$dockerd"
  return 1
}

end() { # pid: it stops its containers first, and is not waited for longer than 20 s
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 80); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.25
  done
  kill -9 "$1"
}

start() {
  if command -v docker >/dev/null && answers; then
    echo "a Docker engine answers: $(docker version --format '{{.Server.Version}}')"
    return
  fi
  if [ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; then
    echo "dockerd $(cat "$pidfile") runs and does not answer: engine.sh stop, and look at $log"
    return 1
  fi
  may_run_containers || unavailable 'none answers, and starting one takes root and CAP_SYS_ADMIN'
  install_engine || return 1
  mkdir -p "$home"
  for flags in "${attempts[@]}"; do
    rm -f "$pidfile"
    if launch "$flags"; then
      echo "started dockerd ${flags:-with no flags of its own}: $(docker version --format '{{.Server.Version}}'), $(docker info --format '{{.Driver}}')"
      return
    fi
    echo "dockerd ${flags:-with no flags} did not start: $(tail -n 1 "$log")"
  done
  return 1
}

stop() {
  [ -s "$pidfile" ] || return 0
  end "$(cat "$pidfile")"
  # Only what lies under our own folder is unmounted and removed.
  mount | awk -v under="$home/" 'index($3, under) == 1 { print $3 }' | sort -r | xargs -r umount -l
  rm -rf "$home"
  echo 'stopped dockerd'
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  *)
    echo 'usage: engine.sh start|stop'
    exit 2
    ;;
esac
