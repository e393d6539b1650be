#!/bin/sh
# settle-apiserver KEY=VALUE…
# What must be true after restart-apiserver.sh ended, however it ended: no hold, no redirect, no second kube-apiserver, the
# watchdogs run.
# systemd runs it after the unit's main process is gone (ExecStopPost); may be called again.
set -u
. "${0%/*}/common.sh"
own='' port='' second_port='' certificate='' key=''
for pair in "$@"; do
  case ${pair%%=*} in
    own|service|port|ports|second_port|certificate|key)
      # shellcheck disable=SC2163 # assigns by name, the name is one of the list
      export "$pair" ;;
  esac
done
. "${0%/*}/redirect.sh"
. "${0%/*}/second.sh"
hold_off
second_hold_off
# The second one serves alone for as long as the first does not, within the time that this has.
if second_there; then wait_for 45 says_ok 127.0.0.1 "$port" || say "the first kube-apiserver is not ready"; fi
redirect_off
second_end
say "$(now_ms) undrained"
if [ -s "$STATE/run/watchdogs" ]; then
  # shellcheck disable=SC2046 # a list of unit names
  systemctl start $(sort -u "$STATE/run/watchdogs") && rm -f "$STATE/run/watchdogs"
fi
