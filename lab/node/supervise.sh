#!/bin/sh
# Keeps one node running for as long as it only reboots.
# A container manager without a machine registry ends with 133 when its machine asks for a reboot.
# usage: supervise.sh PIDFILE FOLDER[:FOLDER…] COMMAND [ARGUMENT…]
set -u
pidfile=$1
folders=$2
shift 2
here=$(dirname "$0")

# What the node's last boot left in its control groups would make its next systemd fail.
clear_groups() {
  IFS=:
  for folder in $folders; do
    round=0
    while [ -n "$(find "$folder" -mindepth 1 -type d 2>/dev/null | head -n 1)" ] && [ "$round" -lt 50 ]; do
      find "$folder" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
      round=$((round + 1))
      [ "$round" -lt 3 ] || sleep 0.1
    done
  done
  unset IFS
}

while :; do
  clear_groups
  sh "$here/enter-cgroups.sh" "$folders" "$@" &
  echo "$!" >"$pidfile.new" && mv "$pidfile.new" "$pidfile"
  wait "$!"
  code=$?
  echo "$(date -u +%FT%TZ) ended with $code"
  [ "$code" -eq 133 ] || exit "$code"
done
