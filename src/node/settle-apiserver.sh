#!/bin/sh
# settle-apiserver KEY=VALUE…
# What must be true after restart-apiserver.sh ended, however it ended: no hold, no redirect, the watchdogs run.
# systemd runs it after the unit's main process is gone (ExecStopPost); may be called again.
set -u
. "${0%/*}/common.sh"
for pair in "$@"; do
  case ${pair%%=*} in
    own|service|port|ports)
      # shellcheck disable=SC2163 # assigns by name, the name is one of the list
      export "$pair" ;;
  esac
done
. "${0%/*}/redirect.sh"
hold_off
redirect_off
say "$(now_ms) undrained"
if [ -s "$STATE/run/watchdogs" ]; then
  # shellcheck disable=SC2046 # a list of unit names
  systemctl start $(sort -u "$STATE/run/watchdogs") && rm -f "$STATE/run/watchdogs"
fi
