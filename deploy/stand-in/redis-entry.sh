#!/bin/bash
# What the official image's entry point does: options alone mean redis-server, and root becomes redis.
set -e
if [ "${1:0:1}" = - ]; then set -- redis-server "$@"; fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  chown redis:redis /data
  exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
# The official build is compiled with protected mode off; Debian's is not.
if [ "$1" = redis-server ]; then set -- "$@" --protected-mode no --bind 0.0.0.0; fi
exec "$@"
