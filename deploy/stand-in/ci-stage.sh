#!/usr/bin/env bash
# The Docker stages of CI, in this order; between the first and the last other stages may use the engine.
#   ci-stage.sh up       the engine, and stand-ins of the pinned images
#   ci-stage.sh compose  docker-compose.yml and deploy/Dockerfile: checked, built, brought up, walked through, taken down
#   ci-stage.sh down     what `up` started is stopped
# Where no engine can be had at all it prints NOT RUN with the reason and exits 0; one that could be had and does not work
# is a failure.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

engine() {
  "$here/engine.sh" start
  local code=$?
  [ "$code" -ne 4 ] && return "$code"
  echo 'NOT RUN: there is no Docker engine on this machine, and none can be installed'
  exit 0
}

programs() { # what the stand-ins are made of, and compose; RUNLEVEL=1 keeps the packages from starting servers
  local packages=()
  command -v redis-server >/dev/null || packages+=(redis-server)
  command -v psql >/dev/null || packages+=(postgresql-client)
  command -v prometheus >/dev/null || packages+=(prometheus)
  command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || packages+=(docker-compose)
  [ ${#packages[@]} -eq 0 ] && return
  apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    "${packages[@]}" >/dev/null
}

compose() { # either of the two that there are
  if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

checked() { # refused without a password, accepted with one
  if POSTGRES_PASSWORD='' compose --profile core --profile observability config -q 2>/dev/null; then
    echo 'docker-compose.yml goes without a password'
    return 1
  fi
  POSTGRES_PASSWORD=x compose --profile core --profile observability config -q
}

built() {
  local log
  log=$(mktemp)
  if ! timeout 400 docker build --network=host -f deploy/Dockerfile -t "$(sed -n 's/^ *image: *\(sagashift:.*\)/\1/p' docker-compose.yml)" \
    --build-arg NPM_CONFIG_REGISTRY="$(npm config get registry 2>/dev/null)" . >"$log" 2>&1; then
    tail -n 40 "$log"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  docker image ls sagashift --format 'built {{.Repository}}:{{.Tag}}, {{.Size}}'
}

walked() {
  if docker compose version >/dev/null 2>&1; then set -- docker compose; else set -- docker-compose; fi
  timeout 300 node "$here/walk.mjs" "$@"
}

case ${1:-} in
  up) engine && programs && "$here/build.sh" ;;
  compose) engine && checked && built && walked ;;
  down) "$here/engine.sh" stop ;;
  *)
    echo 'usage: ci-stage.sh up|compose|down'
    exit 2
    ;;
esac
