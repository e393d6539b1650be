#!/bin/sh
# pause PORT ETCD_PORT SECONDS
# Drops what arrives at this master's API server, and what that asks of etcd, while standard input says so. Lines read:
# `arm`, `pause`, `resume`; each is answered with what was done and when (ms). Should the other side vanish, the end of
# input ends the pause, and the timer that `arm` starts ends it SECONDS later in any case.
set -eu
. "${0%/*}/common.sh"
# shellcheck disable=SC2034 # used by pause-rules.sh
port=$1 etcd_port=$2; seconds=$3
. "${0%/*}/pause-rules.sh"
arms=0
trap drop_none EXIT
echo waiting
while read -r word; do
  case $word in
    arm)
      armed=$(now_ms)
      # A name of its own each time: systemd may not have forgotten the last one yet.
      arms=$((arms + 1)) unit=keyroll-pause-$$-$arms
      systemd-run -q --collect --on-active="$seconds" --timer-property=AccuracySec=50ms --unit="$unit" \
        /bin/sh "${0%/*}/end-pause.sh" "$port" "$etcd_port"
      echo armed ;;
    pause)
      drop_all
      # A rule that came after the timer had nobody to end it but this connection.
      [ $(( $(now_ms) - armed )) -lt $(( seconds * 1000 - 500 )) ] || die "pause: it came when its time was over"
      echo "paused $(now_ms)" ;;
    resume)
      drop_none
      systemctl stop "$unit.timer" 2>/dev/null || echo "the timer had already fired" >&2
      echo "resumed $(now_ms)" ;;
    *) die "pause: $word is not known" ;;
  esac
done
