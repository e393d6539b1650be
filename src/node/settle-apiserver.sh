#!/bin/sh
# settle-apiserver KEY=VALUE…
# What must be true after restart-apiserver.sh ended, however it ended: no hold; no redirect and no second kube-apiserver
# once the first is ready; the watchdogs run.
# systemd runs it after the unit's main process is gone (ExecStopPost); may be called again.
set -u
. "${0%/*}/common.sh"
own='' service='' port='' ports='' second_port='' certificate='' key='' targets=''
for pair in "$@"; do
  case ${pair%%=*} in
    own|service|port|ports|second_port|targets|certificate|key)
      # shellcheck disable=SC2163 # assigns by name, the name is one of the list
      export "$pair" ;;
  esac
done
. "${0%/*}/redirect.sh"
. "${0%/*}/second.sh"
. "${0%/*}/target.sh"
hold_off
second_hold_off
# Whoever takes the connections goes on doing so until the first is ready; but a machine that goes down is not kept from it.
is_going_down() { [ "$(systemctl is-system-running)" = stopping ]; }
is_settled() { ready_locally || is_going_down; }
is_ready=yes
if [ -s "$STATE/run/redirect" ] || second_there; then
  await_back 180 is_settled || { is_ready=no; say "kube-apiserver is not ready 180 s after its restart ended"; }
fi
if [ "$is_ready" = no ] && second_there && ready "$own"; then
  say "the second kube-apiserver goes on serving alone"
else
  redirect_off
  second_end
  say "$(now_ms) undrained"
fi
if [ -s "$STATE/run/watchdogs" ]; then
  # shellcheck disable=SC2046 # a list of unit names
  systemctl start $(sort -u "$STATE/run/watchdogs") && rm -f "$STATE/run/watchdogs"
fi
